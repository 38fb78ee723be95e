import { ceilDiv, defineKernel, flatGrid } from '../kernel.ts';
import { sliceTiles } from '../shared/slice_tiles.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

export const columnSums = defineKernel({
  name: 'reduce.columns',
  doc: 'y = sum over the rows of x: the gradient of what was added to every row, such as a bias.',
  dims: { rows: 'u32', cols: 'u32' },
  buffers: {
    x: { access: 'read', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
    y: { access: 'write', dtype: 'f32', shape: (d) => [d.cols] },
  },
  variants: [
    {
      name: 'walk',
      source: at('columns.wgsl'),
      fits: (facts) => facts.software,
      grid: (d) => flatGrid(ceilDiv(d.cols, 128)),
    },
    {
      name: 'split',
      source: at('columns_split.wgsl'),
      ...sliceTiles,
      grid: (d, t) => flatGrid(d.cols / t.COLUMNS),
    },
  ],
  cost: (d) => ({ flops: d.rows * d.cols, bytes: 4 * (d.rows + 1) * d.cols }),
  cases: {
    'vit-b16@512 mlp': { rows: 1035, cols: 3072 },
    'aligned odd': { rows: 3, cols: 132 },
    odd: { rows: 131, cols: 277 },
    one: { rows: 1, cols: 1 },
  },
  // a thousand numbers one after the other
  tolerance: 4e-6,
  reference: ({ rows, cols }, { x }) => {
    const y = new Float64Array(cols);
    for (let i = 0; i < rows * cols; i++) y[i % cols] += x[i];
    return { y };
  },
});
