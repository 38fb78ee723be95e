import { ceilDiv, type Dims, defineKernel } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** How many tensors one dispatch of {@link clipNormSquares} takes; an eighth buffer holds the sums. */
export const TENSORS_A_DISPATCH = 7;

/** How many threads sum a dispatch's elements; depends on the sizes only. */
export function clipParts(counts: readonly number[]): number {
  return Math.min(Math.max(1, ceilDiv(Math.max(...counts), 64)), 1024);
}

/** The dims of a dispatch over tensors of these sizes, which files its sums from `offset` on. */
export function squaresDims(counts: readonly number[], offset: number) {
  const [count0 = 0, count1 = 0, count2 = 0, count3 = 0, count4 = 0, count5 = 0, count6 = 0] = counts;
  return { count0, count1, count2, count3, count4, count5, count6, offset, parts: clipParts(counts) };
}

const gradient = <K extends string>(count: K) =>
  ({ access: 'read', dtype: 'f32', shape: (d: Record<K, number>) => [d[count]] }) as const;

const total = (d: Dims): number => d.count0 + d.count1 + d.count2 + d.count3 + d.count4 + d.count5 + d.count6;

export const clipNormSquares = defineKernel({
  name: 'clip_norm.squares',
  doc: 'First stage of the global gradient norm: partial sums of squares of up to seven tensors.',
  source: at('clip_norm_squares.wgsl'),
  dims: {
    count0: 'u32',
    count1: 'u32',
    count2: 'u32',
    count3: 'u32',
    count4: 'u32',
    count5: 'u32',
    count6: 'u32',
    offset: 'u32',
    parts: 'u32',
  },
  buffers: {
    g0: gradient('count0'),
    g1: gradient('count1'),
    g2: gradient('count2'),
    g3: gradient('count3'),
    g4: gradient('count4'),
    g5: gradient('count5'),
    g6: gradient('count6'),
    // what earlier dispatches filed stays
    partials: { access: 'read_write', dtype: 'f32', shape: (d) => [d.offset + d.parts] },
  },
  tile: { default: { WG: 64 }, space: [{ WG: 32 }, { WG: 64 }] },
  grid: (d, t) => [ceilDiv(d.parts, t.WG), 1, 1],
  cost: (d) => ({ flops: 2 * total(d), bytes: 4 * (total(d) + d.parts) }),
  cases: {
    'vit-b16 block': squaresDims([2359296, 3072, 768, 768, 768, 1769472, 2304], 512),
    odd: squaresDims([1021, 3, 130, 1, 64, 7, 257], 5),
    'two tensors': squaresDims([6, 77], 0),
  },
  // a thread adds up to count / parts numbers one after the other
  tolerance: { f32: 4e-6 },
  reference: (d, a) => {
    const partials = a.partials.slice();
    partials.fill(0, d.offset);
    for (const g of [a.g0, a.g1, a.g2, a.g3, a.g4, a.g5, a.g6]) {
      g.forEach((v, i) => {
        partials[d.offset + (Math.floor(i / 4) % d.parts)] += v * v;
      });
    }
    return { partials };
  },
});

export const clipNormFinish = defineKernel({
  name: 'clip_norm.finish',
  doc: 'Global gradient norm and the divisor that clips it. Pascanu et al. 2013, arXiv:1211.5063.',
  source: at('clip_norm_finish.wgsl'),
  helpers: [at('../shared/workgroup_sum.wgsl')],
  dims: { count: 'u32', max_norm: 'f32' },
  buffers: {
    partials: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.count],
      input: (d, random) => Float64Array.from({ length: d.count }, () => random()),
    },
    clip: { access: 'write', dtype: 'f32', shape: () => [2] },
  },
  tile: { default: { WG: 64 }, space: [{ WG: 32 }, { WG: 64 }] },
  grid: () => [1, 1, 1],
  cost: (d) => ({ flops: d.count, bytes: 4 * d.count }),
  cases: {
    'mini-clip': { count: 8192, max_norm: 1 },
    odd: { count: 131, max_norm: 3 },
    'short enough': { count: 1, max_norm: 2 },
  },
  tolerance: { f32: 2e-6 },
  reference: ({ max_norm }, { partials }) => {
    const norm = Math.sqrt(partials.reduce((sum, v) => sum + v, 0));
    return { clip: Float64Array.of(Math.max(1, norm / max_norm), norm) };
  },
});
