import { defineKernel } from '../kernel.ts';
import { countGrid, walkTiles } from './walk.ts';

export const convert = defineKernel({
  name: 'elementwise.convert',
  doc: 'y = x, stored in another precision; what f16 cannot hold becomes infinite or zero.',
  source: new URL('convert.wgsl', import.meta.url),
  dims: { count: 'u32' },
  buffers: {
    x: { access: 'read', dtype: 'source_t', shape: (d) => [d.count] },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.count] },
  },
  ...walkTiles,
  grid: countGrid,
  cost: (d) => ({ flops: 0, bytes: 8 * d.count }),
  cases: { 'vit-b16@512': { count: 1035 * 768 }, odd: { count: 1021 } },
  tolerance: 0,
  reference: (_, { x }) => ({ y: x.slice() }),
});
