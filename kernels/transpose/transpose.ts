import { ceilDiv, defineKernel, flatGrid } from '../kernel.ts';

export const transpose = defineKernel({
  name: 'transpose.last',
  doc: 'Swaps the last two axes.',
  source: new URL('transpose.wgsl', import.meta.url),
  dims: { batch: 'u32', rows: 'u32', cols: 'u32' },
  buffers: {
    x: { access: 'read', dtype: 'f32', shape: (d) => [d.batch, d.rows, d.cols] },
    y: { access: 'write', dtype: 'f32', shape: (d) => [d.batch, d.cols, d.rows] },
  },
  tiles: [{ WG: 32 }, { WG: 64 }],
  grid: (d, t) => flatGrid(ceilDiv(d.batch * d.rows * d.cols, 16 * t.WG)),
  cost: (d) => ({ flops: 0, bytes: 8 * d.batch * d.rows * d.cols }),
  cases: {
    'vit-b16@512': { batch: 1, rows: 1024, cols: 768 },
    blocks: { batch: 3, rows: 8, cols: 20 },
    odd: { batch: 3, rows: 7, cols: 13 },
    row: { batch: 1, rows: 1, cols: 5 },
  },
  tolerance: 0,
  reference: ({ batch, rows, cols }, { x }) => {
    const y = new Float64Array(x.length);
    for (let b = 0; b < batch; b++)
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < cols; c++) y[(b * cols + c) * rows + r] = x[(b * rows + r) * cols + c];
    return { y };
  },
});
