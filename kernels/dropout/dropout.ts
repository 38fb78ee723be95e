import { countGrid, walkTile } from '../elementwise/walk.ts';
import { defineKernel } from '../kernel.ts';
import { dropThreshold, keep } from './philox.ts';

/** The dims of one dropout. */
export function dropoutDims(count: number, op: number, probability: number) {
  return { count, op, threshold: dropThreshold(probability), scale: 1 / (1 - probability) };
}

export const dropout = defineKernel({
  name: 'dropout.apply',
  doc: 'y = x * keep / (1 - p), the mask from a counter; Srivastava et al. 2014. Backward: the same on dy.',
  source: new URL('dropout.wgsl', import.meta.url),
  helpers: [new URL('../shared/philox.wgsl', import.meta.url)],
  dims: { count: 'u32', op: 'u32', threshold: 'u32', scale: 'f32' },
  buffers: {
    x: { access: 'read', dtype: 'store_t', shape: (d) => [d.count] },
    random: { access: 'read', dtype: 'u32', shape: () => [4], input: () => [0x89abcdef, 0x01234567, 3, 0] },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.count] },
  },
  tile: walkTile,
  grid: countGrid,
  cost: (d) => ({ flops: 20 * d.count, bytes: 8 * d.count }),
  cases: {
    'vit-b16@512 prompts': dropoutDims(4 * 50 * 768, 7, 0.1),
    odd: dropoutDims(1021, 0xffffffff, 0.5),
    nothing: dropoutDims(13, 0, 0),
  },
  tolerance: { f32: 2e-7 },
  reference: ({ count, op, threshold, scale }, { x, random }) => ({
    y: Float64Array.from({ length: count }, (_, i) => (keep(random, op, i, threshold) ? x[i] * scale : 0)),
  }),
});
