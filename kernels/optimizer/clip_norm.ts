import { ceilDiv, defineKernel } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** How many threads sum a tensor's elements; depends on its size only. */
export function clipParts(count: number): number {
  return Math.min(Math.max(1, ceilDiv(count, 64)), 1024);
}

/** The dims of a dispatch over a tensor of `count` elements, which files its sums from `offset` on. */
export function squaresDims(count: number, offset: number) {
  return { count, offset, parts: clipParts(count) };
}

export const clipNormSquares = defineKernel({
  name: 'clip_norm.squares',
  doc: 'First stage of the global gradient norm: partial sums of squares of a tensor.',
  source: at('clip_norm_squares.wgsl'),
  dims: { count: 'u32', offset: 'u32', parts: 'u32' },
  buffers: {
    grad: { access: 'read', dtype: 'f32', shape: (d) => [d.count] },
    // what earlier dispatches filed stays
    partials: { access: 'read_write', dtype: 'f32', shape: (d) => [d.offset + d.parts] },
  },
  tiles: [{ WG: 64 }, { WG: 32 }],
  grid: (d, t) => [ceilDiv(d.parts, t.WG), 1, 1],
  cost: (d) => ({ flops: 2 * d.count, bytes: 4 * (d.count + d.parts) }),
  cases: {
    'vit-b16 block': squaresDims(7087872, 512),
    odd: squaresDims(1021, 5),
    'one element': squaresDims(1, 0),
  },
  // a thread adds up to count / parts numbers one after the other
  tolerance: 4e-6,
  reference: (d, { grad, partials: before }) => {
    const partials = before.slice();
    partials.fill(0, d.offset);
    grad.forEach((v, i) => {
      partials[d.offset + (Math.floor(i / 4) % d.parts)] += v * v;
    });
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
  tiles: [{ WG: 64 }, { WG: 32 }],
  grid: () => [1, 1, 1],
  cost: (d) => ({ flops: d.count, bytes: 4 * d.count }),
  cases: {
    'mini-clip': { count: 8192, max_norm: 1 },
    odd: { count: 131, max_norm: 3 },
    'short enough': { count: 1, max_norm: 2 },
  },
  tolerance: 2e-6,
  reference: ({ max_norm }, { partials }) => {
    const norm = Math.sqrt(partials.reduce((sum, v) => sum + v, 0));
    return { clip: Float64Array.of(Math.max(1, norm / max_norm), norm) };
  },
});
