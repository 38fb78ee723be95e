import { ceilDiv, softwareSubgroups, type Tile, type Variant } from '../kernel.ts';
import { type AttentionDims, packed, separate } from './dims.ts';
import { attentionForward } from './forward.ts';

/** The most queries and keys of the kernels that hold all scores of a query, or of a key, in registers at once. */
const SHORT = 48;

/** Whether the kernels for short sequences serve these sizes; wider heads would compute their scores twice. */
export function isShort(d: AttentionDims): boolean {
  return d.queries <= SHORT && d.keys <= SHORT && d.headDim <= 32 && d.headDim % 4 === 0;
}

/** Sizes of the tests of every kernel for short sequences. */
export const shortCases = {
  'mini@96': packed({ batch: 4, heads: 4, tokens: 37, headDim: 32 }),
  'decoder mini': separate(
    { batch: 3, heads: 4, queries: 15, keys: 36, headDim: 24 },
    { probability: 0.1, opId: 5 },
  ),
  'one token': packed({ batch: 1, heads: 1, tokens: 1, headDim: 16 }),
  'most tokens': packed({ batch: 1, heads: 3, tokens: 48, headDim: 8 }),
  'causal text': packed({ batch: 2, heads: 2, tokens: 33, headDim: 24 }, { causal: true }),
  'odd cross': separate({ batch: 2, heads: 3, queries: 35, keys: 5, headDim: 20 }),
  'wide heads': packed({ batch: 1, heads: 2, tokens: 7, headDim: 68 }),
  'odd dropout': separate(
    { batch: 2, heads: 3, queries: 45, keys: 41, headDim: 12 },
    { probability: 0.3, opId: 77 },
  ),
};

/** What these sizes need of a kernel whose lanes hold scores of so many keys, or queries. */
export function shortConstants(d: AttentionDims, across: number): Tile {
  return { LATE: Number(across > 32), DROPS: Number(d.threshold > 0) };
}

const subgroup: Variant<AttentionDims> = {
  name: 'subgroup',
  source: new URL('short_forward.wgsl', import.meta.url),
  helpers: [new URL('../shared/philox.wgsl', import.meta.url)],
  fits: softwareSubgroups,
  constants: (d) => shortConstants(d, d.keys),
  tiles: [{ ROWS: 24 }, { ROWS: 16 }],
  grid: (d, t) => [ceilDiv(d.queries, t.ROWS), d.batch * d.heads, ceilDiv(d.headDim, 32)],
};

/** {@link attentionForward} for at most {@link SHORT} keys. */
export const attentionShort: typeof attentionForward = {
  ...attentionForward,
  name: 'attention.short',
  variants: [subgroup, attentionForward.variants[1]],
  cases: shortCases,
};
