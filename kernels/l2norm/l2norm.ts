import { defineKernel } from '../kernel.ts';
import { rowVariants } from '../shared/row_variants.ts';

const at = (file: string): URL => new URL(file, import.meta.url);
const cases = {
  'vit-b16@512 patches': { rows: 1024, cols: 512 },
  odd: { rows: 7, cols: 77 },
  'one column': { rows: 2, cols: 1 },
};

export const l2normForward = defineKernel({
  name: 'l2norm.forward',
  doc: 'y = x / ||x|| over the last axis, without epsilon.',
  variants: rowVariants(at('forward_subgroup.wgsl'), at('forward.wgsl')),
  dims: { rows: 'u32', cols: 'u32' },
  buffers: {
    x: { access: 'read', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
    inverse: { access: 'write', dtype: 'f32', shape: (d) => [d.rows] },
  },
  cost: (d) => ({ flops: 3 * d.rows * d.cols, bytes: 8 * d.rows * d.cols }),
  cases,
  tolerance: 2e-6,
  reference: ({ rows, cols }, { x }) => {
    const y = new Float64Array(rows * cols);
    const inverse = new Float64Array(rows);
    for (let r = 0; r < rows; r++) {
      inverse[r] = 1 / Math.hypot(...x.subarray(r * cols, (r + 1) * cols));
      for (let i = r * cols; i < (r + 1) * cols; i++) y[i] = x[i] * inverse[r];
    }
    return { y, inverse };
  },
});

export const l2normBackward = defineKernel({
  name: 'l2norm.backward',
  doc: 'dx = (dy - y <dy, y>) / ||x||.',
  variants: rowVariants(at('backward_subgroup.wgsl'), at('backward.wgsl')),
  dims: { rows: 'u32', cols: 'u32' },
  buffers: {
    dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
    y: { access: 'read', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
    inverse: { access: 'read', dtype: 'f32', shape: (d) => [d.rows] },
    dx: { access: 'write', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
  },
  cost: (d) => ({ flops: 5 * d.rows * d.cols, bytes: 12 * d.rows * d.cols }),
  cases,
  tolerance: 2e-6,
  reference: ({ rows, cols }, { dy, y, inverse }) => {
    const dx = new Float64Array(rows * cols);
    for (let r = 0; r < rows; r++) {
      let along = 0;
      for (let i = r * cols; i < (r + 1) * cols; i++) along += dy[i] * y[i];
      for (let i = r * cols; i < (r + 1) * cols; i++) dx[i] = inverse[r] * (dy[i] - y[i] * along);
    }
    return { dx };
  },
});
