import {
  ceilDiv,
  type DimsOf,
  defineKernel,
  flatGrid,
  type HostArrays,
  softwareSubgroups,
  type Variant,
} from '../kernel.ts';
import { type AttentionDims, attentionDims } from './dims.ts';
import { backwardOperands, operands } from './forward.ts';
import { dot, eachHead, headRows, keptFactor } from './reference.ts';
import { shortCases, shortConstants } from './short.ts';

const at = (file: string): URL => new URL(file, import.meta.url);
const helpers = [at('../shared/philox.wgsl')];
const tiles = [{ ROWS: 24 }, { ROWS: 16 }];
const plainTiles = [{ WG: 64 }];

/** The two files of a gradient; a subgroup or a thread for each of its rows, which are queries or keys;
 * `across` are the keys, or queries, of a row. */
function variants(
  subgroup: URL,
  plain: URL,
  rows: (dims: AttentionDims) => number,
  across: (dims: AttentionDims) => number,
): Variant<AttentionDims>[] {
  return [
    {
      name: 'subgroup',
      source: subgroup,
      helpers,
      fits: softwareSubgroups,
      constants: (d) => shortConstants(d, across(d)),
      tiles,
      grid: (d, t) => [ceilDiv(rows(d), t.ROWS), d.batch * d.heads, ceilDiv(d.headDim, 32)],
    },
    {
      name: 'plain',
      source: plain,
      helpers,
      tiles: plainTiles,
      grid: (d, t) => flatGrid(ceilDiv(d.batch * d.heads * rows(d), t.WG)),
    },
  ];
}

/** Makes probabilities of about 1 / keys, as the forward pass would. */
function someLse(d: AttentionDims, random: () => number): Float64Array {
  return Float64Array.from({ length: d.batch * d.heads * d.queries }, () => random() + 2);
}

export const attentionShortDq = defineKernel({
  name: 'attention.short_dq',
  doc:
    'For at most 48 keys: p = exp(scale q k^T - lse), delta = sum p mask dy v^T, dq = ds k with ' +
    'ds = scale p (mask dy v^T - delta). Dao et al. 2022, arXiv:2205.14135, Algorithm 4.',
  dims: attentionDims,
  buffers: {
    q: operands.q,
    k: operands.k,
    v: operands.v,
    dy: backwardOperands.dy,
    lse: { access: 'read', dtype: 'f32', shape: (d) => [d.batch, d.heads, d.queries], input: someLse },
    random: operands.random,
    dq: { access: 'read_write', dtype: 'store_t', shape: (d) => [d.batch, d.queries, d.qRow] },
    stats: { access: 'write', dtype: 'f32', shape: (d) => [d.batch, d.heads, d.queries, 2] },
  },
  variants: variants(
    at('short_dq.wgsl'),
    at('short_dq_plain.wgsl'),
    (d) => d.queries,
    (d) => d.keys,
  ),
  cost: (d) => {
    const scores = d.batch * d.heads * d.queries * d.keys;
    return {
      flops: 6 * scores * d.headDim,
      bytes: 4 * d.batch * d.heads * d.headDim * (3 * d.queries + 2 * d.keys),
    };
  },
  cases: shortCases,
  // exp of differences of numbers near 10, each rounded to float32
  tolerance: 1e-5,
  reference: (d, a) => {
    const dq = a.dq.slice();
    const stats = new Float64Array(2 * a.lse.length);
    eachPair(d, a, (pair) => {
      const place = pair.index * d.queries + pair.i;
      stats[2 * place] = a.lse[place];
      stats[2 * place + 1] += pair.p * pair.dp;
    });
    const rows = { offset: d.qOffset, row: d.qRow, tokens: d.queries, headDim: d.headDim };
    for (let index = 0; index < d.batch * d.heads; index++) {
      const into = headRows(dq, rows, Math.floor(index / d.heads), index % d.heads);
      for (let i = 0; i < d.queries; i++) into(i).fill(0);
    }
    eachPair(d, a, ({ index, item, head, i, p, dp, k }) => {
      const into = headRows(dq, rows, item, head)(i);
      const ds = d.scale * p * (dp - stats[2 * (index * d.queries + i) + 1]);
      for (let c = 0; c < d.headDim; c++) into[c] += ds * k[c];
    });
    return { dq, stats };
  },
});

const dkvDims = { ...attentionDims, givesK: 'u32', givesV: 'u32', together: 'u32' } as const;
type DkvDims = DimsOf<typeof dkvDims>;

export const attentionShortDkv = defineKernel({
  name: 'attention.short_dkv',
  doc:
    'For at most 48 queries: p = exp(scale q k^T - lse), dv = (mask p)^T dy, dk = ds^T q with ' +
    'ds = scale p (mask dy v^T - delta). Dao et al. 2022, arXiv:2205.14135, Algorithm 4.',
  dims: dkvDims,
  buffers: {
    ...backwardOperands,
    // with `together` both gradients lie in one packed tensor
    dk: {
      access: 'read_write',
      dtype: 'store_t',
      shape: (d) => (d.givesK || d.together ? [d.batch, d.keys, d.kvRow] : [0]),
    },
    dv: {
      access: 'read_write',
      dtype: 'store_t',
      shape: (d) => (d.givesV && !d.together ? [d.batch, d.keys, d.kvRow] : [0]),
    },
  },
  variants: variants(
    at('short_dkv.wgsl'),
    at('short_dkv_plain.wgsl'),
    (d) => d.keys,
    (d) => d.queries,
  ),
  cost: (d) => {
    const scores = d.batch * d.heads * d.queries * d.keys;
    return {
      flops: 8 * scores * d.headDim,
      bytes: 4 * d.batch * d.heads * d.headDim * (2 * d.queries + 4 * d.keys),
    };
  },
  cases: {
    'mini@96': both(shortCases['mini@96']),
    'decoder mini': both(shortCases['decoder mini']),
    'one token': both(shortCases['one token']),
    'most tokens': both(shortCases['most tokens']),
    'causal text': both(shortCases['causal text']),
    'keys alone': { ...both(shortCases['odd cross']), givesV: 0 },
    'values alone': { ...both(shortCases['odd cross']), givesK: 0 },
    'wide heads': both(shortCases['wide heads']),
    'odd dropout': both(shortCases['odd dropout']),
  },
  tolerance: 1e-5,
  reference: (d, a) => {
    const [dk, dv] = [a.dk.slice(), a.dv.slice()];
    const rows = { row: d.kvRow, tokens: d.keys, headDim: d.headDim };
    const keyRows = { ...rows, offset: d.kOffset };
    const valueRows = { ...rows, offset: d.vOffset };
    const values = d.together ? dk : dv;
    for (let index = 0; index < d.batch * d.heads; index++) {
      const [item, head] = [Math.floor(index / d.heads), index % d.heads];
      for (let j = 0; j < d.keys; j++) {
        if (d.givesK) headRows(dk, keyRows, item, head)(j).fill(0);
        if (d.givesV) headRows(values, valueRows, item, head)(j).fill(0);
      }
    }
    const lse = a.stats.filter((_, i) => i % 2 === 0);
    eachPair(d, { ...a, lse }, ({ index, item, head, i, j, p, factor, dp, q, dy }) => {
      const ds = d.scale * p * (dp - a.stats[2 * (index * d.queries + i) + 1]);
      const intoK = headRows(dk, keyRows, item, head)(j);
      const intoV = headRows(values, valueRows, item, head)(j);
      for (let c = 0; c < d.headDim; c++) {
        if (d.givesK) intoK[c] += ds * q[c];
        if (d.givesV) intoV[c] += factor * p * dy[c];
      }
    });
    return { dk, dv };
  },
});

function both(d: AttentionDims): DkvDims {
  return { ...d, givesK: 1, givesV: 1, together: Number(d.kvRow > d.heads * d.headDim) };
}

interface Pair {
  index: number;
  item: number;
  head: number;
  i: number;
  j: number;
  p: number;
  /** Dropout's. */
  factor: number;
  dp: number;
  q: Float64Array;
  k: Float64Array;
  dy: Float64Array;
}

/** Calls back for every query and each key that it sees. */
function eachPair(d: AttentionDims, a: HostArrays, visit: (pair: Pair) => void): void {
  const dyRows = { offset: 0, row: d.heads * d.headDim, tokens: d.queries, headDim: d.headDim };
  eachHead(d, a, (index, q, k, v) => {
    const [item, head] = [Math.floor(index / d.heads), index % d.heads];
    const dys = headRows(a.dy, dyRows, item, head);
    for (let i = 0; i < d.queries; i++) {
      for (let j = 0; j < (d.causal ? i + 1 : d.keys); j++) {
        const p = Math.exp(d.scale * dot(q(i), k(j)) - a.lse[index * d.queries + i]);
        const factor = keptFactor(d, a.random, index, i, j);
        const dp = factor * dot(dys(i), v(j));
        visit({ index, item, head, i, j, p, factor, dp, q: q(i), k: k(j), dy: dys(i) });
      }
    }
  });
}
