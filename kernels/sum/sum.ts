import { ceilDiv, defineKernel } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** How many threads sum `count` elements before {@link sumFinish}; depends on the size only. */
export function partsOf(count: number): number {
  return Math.min(Math.max(1, ceilDiv(count, 64)), 4096);
}

export const sumPartials = defineKernel({
  name: 'sum.partials',
  doc: 'First stage of a sum over all elements: one partial sum a thread.',
  source: at('partials.wgsl'),
  dims: { count: 'u32', parts: 'u32' },
  buffers: {
    x: { access: 'read', dtype: 'f32', shape: (d) => [d.count] },
    partials: { access: 'write', dtype: 'f32', shape: (d) => [d.parts] },
  },
  tiles: [{ WG: 32 }, { WG: 64 }],
  grid: (d, t) => [ceilDiv(d.parts, t.WG), 1, 1],
  cost: (d) => ({ flops: d.count, bytes: 4 * d.count }),
  cases: {
    'masks of 20 classes': { count: 20 * 512 * 512, parts: 4096 },
    odd: { count: 1023, parts: 17 },
    tiny: { count: 3, parts: 1 },
  },
  // a thread adds up to count / parts numbers one after the other
  tolerance: 4e-6,
  reference: ({ count, parts }, { x }) => {
    const partials = new Float64Array(parts);
    const quads = Math.floor(count / 4);
    for (let i = 0; i < count; i++) partials[i < 4 * quads ? Math.floor(i / 4) % parts : 0] += x[i];
    return { partials };
  },
});

export const sumFinish = defineKernel({
  name: 'sum.finish',
  doc: 'Second stage of a sum: adds the rows of a tall, narrow table.',
  source: at('finish.wgsl'),
  helpers: [at('../shared/workgroup_sum.wgsl')],
  dims: { rows: 'u32', cols: 'u32' },
  buffers: {
    partials: { access: 'read', dtype: 'f32', shape: (d) => [d.rows, d.cols] },
    y: { access: 'write', dtype: 'f32', shape: (d) => [d.cols] },
  },
  tiles: [{ WG: 64 }, { WG: 32 }],
  grid: (d) => [d.cols, 1, 1],
  cost: (d) => ({ flops: d.rows * d.cols, bytes: 4 * d.rows * d.cols }),
  cases: { 'four sums': { rows: 4096, cols: 4 }, odd: { rows: 131, cols: 3 }, one: { rows: 1, cols: 1 } },
  // 64 numbers a thread, then a tree
  tolerance: 4e-6,
  reference: ({ rows, cols }, { partials }) => {
    const y = new Float64Array(cols);
    for (let i = 0; i < rows * cols; i++) y[i % cols] += partials[i];
    return { y };
  },
});
