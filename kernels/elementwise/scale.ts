import { defineKernel } from '../kernel.ts';
import { countGrid, walkTiles } from './walk.ts';

export const scale = defineKernel({
  name: 'elementwise.scale',
  doc: 'y = x * factor.',
  source: new URL('scale.wgsl', import.meta.url),
  dims: { count: 'u32', factor: 'f32' },
  buffers: {
    x: { access: 'read', dtype: 'store_t', shape: (d) => [d.count] },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.count] },
  },
  ...walkTiles,
  grid: countGrid,
  cost: (d) => ({ flops: d.count, bytes: 8 * d.count }),
  cases: { 'vit-b16@512': { count: 1035 * 768, factor: 0.125 }, odd: { count: 1021, factor: -1.75 } },
  tolerance: 1e-7,
  reference: ({ count, factor }, { x }) => ({
    y: Float64Array.from({ length: count }, (_, i) => x[i] * factor),
  }),
});
