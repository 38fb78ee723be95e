import { defineKernel, flatGrid } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);
const tiles = [{ WG: 32 }, { WG: 64 }];
const cases = {
  'classes of 64x64 pixels': { rows: 4096, cols: 20 },
  odd: { rows: 3, cols: 77 },
  one: { rows: 2, cols: 1 },
};

interface RowDims {
  rows: number;
  cols: number;
}

/** Softmax of every row. */
export function softmaxReference({ rows, cols }: RowDims, x: Float64Array): Float64Array {
  const y = new Float64Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    const row = x.subarray(r * cols, (r + 1) * cols);
    const peak = Math.max(...row);
    const powers = row.map((v) => Math.exp(v - peak));
    const sum = powers.reduce((s, v) => s + v, 0);
    for (let c = 0; c < cols; c++) y[r * cols + c] = powers[c] / sum;
  }
  return y;
}

export const softmaxForward = defineKernel({
  name: 'softmax.forward',
  doc: 'y = exp(x) / sum exp(x) over the last axis.',
  source: at('forward.wgsl'),
  helpers: [at('../shared/workgroup_sum.wgsl')],
  dims: { rows: 'u32', cols: 'u32' },
  buffers: {
    x: {
      access: 'read',
      dtype: 'store_t',
      shape: (d) => [d.rows, d.cols],
      input: (d, random) => Float64Array.from({ length: d.rows * d.cols }, () => 40 * random() - 10),
    },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
  },
  tiles,
  grid: (d) => flatGrid(d.rows),
  cost: (d) => ({ flops: 8 * d.rows * d.cols, bytes: 8 * d.rows * d.cols }),
  cases,
  tolerance: 4e-6,
  reference: (d, { x }) => ({ y: softmaxReference(d, x) }),
});

export const softmaxBackward = defineKernel({
  name: 'softmax.backward',
  doc: 'dx = y * (dy - <dy, y>) over the last axis.',
  source: at('backward.wgsl'),
  helpers: [at('../shared/workgroup_sum.wgsl')],
  dims: { rows: 'u32', cols: 'u32' },
  buffers: {
    dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
    y: { access: 'read', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
    dx: { access: 'write', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
  },
  tiles,
  grid: (d) => flatGrid(d.rows),
  cost: (d) => ({ flops: 4 * d.rows * d.cols, bytes: 12 * d.rows * d.cols }),
  cases,
  tolerance: 2e-6,
  reference: ({ rows, cols }, { dy, y }) => {
    const dx = new Float64Array(rows * cols);
    for (let r = 0; r < rows; r++) {
      let dot = 0;
      for (let i = r * cols; i < (r + 1) * cols; i++) dot += dy[i] * y[i];
      for (let i = r * cols; i < (r + 1) * cols; i++) dx[i] = y[i] * (dy[i] - dot);
    }
    return { dx };
  },
});
