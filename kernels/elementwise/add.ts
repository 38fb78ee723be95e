import { defineKernel, flatGrid } from '../kernel.ts';

/**
 * Elementwise kernels read and write whole vec4s: buffers from the pool are multiples of 256 bytes, so the
 * padding behind the last element exists and nobody reads it.
 */
export const add = defineKernel({
  name: 'elementwise.add',
  doc: 'y = a + b.',
  source: new URL('add.wgsl', import.meta.url),
  dims: { count: 'u32' },
  buffers: {
    a: { access: 'read', dtype: 'f32', shape: (d) => [d.count] },
    b: { access: 'read', dtype: 'f32', shape: (d) => [d.count] },
    y: { access: 'write', dtype: 'f32', shape: (d) => [d.count] },
  },
  tile: {
    default: { WG: 64, PER_THREAD: 4 },
    space: [
      { WG: 64, PER_THREAD: 4 },
      { WG: 32, PER_THREAD: 16 },
    ],
  },
  grid: (d, t) => flatGrid(d.count / (4 * t.WG * t.PER_THREAD)),
  cost: (d) => ({ flops: d.count, bytes: 12 * d.count }),
  cases: { 'vit-b16@512': { count: 1035 * 768 }, odd: { count: 1021 } },
  tolerance: { f32: 1e-7 },
  reference: ({ count }, { a, b }) => ({ y: Float64Array.from({ length: count }, (_, i) => a[i] + b[i]) }),
});
