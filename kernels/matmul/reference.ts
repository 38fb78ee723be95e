import { quickGeluReference } from '../activation/activation.ts';
import type { DimsOf, HostArrays, Tile } from '../kernel.ts';

const after = { bias: 'u32', activation: 'u32', residual: 'u32', preactivation: 'u32' } as const;

/** Of a single product. */
export const productDims = { m: 'u32', n: 'u32', k: 'u32', ...after } as const;

export const matmulDims = {
  batch: 'u32',
  m: 'u32',
  n: 'u32',
  k: 'u32',
  sharedA: 'u32',
  sharedB: 'u32',
  ...after,
} as const;

/** As {@link MatmulDims}, of a single product. */
export type ProductDims = DimsOf<typeof productDims>;

/**
 * c is (batch, m, n), the sum runs over k. The rest are switches, 0 or 1: one a (b) for the whole batch, a bias, a
 * residual, the pre-activation kept; and `activation`, one of {@link ACTIVATION}.
 */
export type MatmulDims = DimsOf<typeof matmulDims>;

/** Values of the `activation` field. */
export const ACTIVATION = { none: 0, quick_gelu: 1, relu: 2 } as const;

/** A product of one m x k and one k x n matrix, with nothing after it unless `more` says so. */
export function single(m: number, n: number, k: number, more: Partial<ProductDims> = {}): ProductDims {
  return { m, n, k, bias: 0, activation: ACTIVATION.none, residual: 0, preactivation: 0, ...more };
}

/** Sizes at the edges of the tiles, and every way through the end of the kernels. */
export const edges = {
  one: single(1, 1, 1),
  'short sum': single(8, 12, 3, { residual: 1 }),
  'odd everything': single(37, 35, 29, {
    bias: 1,
    activation: ACTIVATION.relu,
    residual: 1,
    preactivation: 1,
  }),
  'odd columns': single(4, 33, 8, { activation: ACTIVATION.quick_gelu, preactivation: 1 }),
  'odd sum': single(40, 36, 19, { bias: 1, activation: ACTIVATION.quick_gelu, preactivation: 1 }),
};

/** What the end of a product needs of `store.wgsl`. */
export function storeConstants(d: ProductDims): Tile {
  return {
    SPLIT: Number(d.n % 4 !== 0),
    ACTIVATES: Number(d.activation !== ACTIVATION.none),
    PREACTIVATES: d.preactivation,
    ADDS: d.residual,
  };
}

const activations = [(x: number) => x, quickGeluReference, (x: number) => Math.max(x, 0)];

/** The kernels' float64 truth. */
export function matmulReference(
  { batch, m, n, k, sharedA, sharedB, bias, activation, residual, preactivation }: MatmulDims,
  host: HostArrays,
  transposeA: boolean,
  transposeB: boolean,
): HostArrays {
  const c = new Float64Array(batch * m * n);
  for (let item = 0; item < batch; item++) {
    const a = host.a.subarray(sharedA ? 0 : item * m * k);
    const b = rowMajor(host.b.subarray(sharedB ? 0 : item * k * n), k, n, transposeB);
    for (let row = 0; row < m; row++) {
      const sums = c.subarray((item * m + row) * n, (item * m + row + 1) * n);
      for (let i = 0; i < k; i++) {
        const x = transposeA ? a[i * m + row] : a[row * k + i];
        const line = b.subarray(i * n, (i + 1) * n);
        for (let column = 0; column < n; column++) sums[column] += x * line[column];
      }
    }
  }
  if (bias) for (let i = 0; i < c.length; i++) c[i] += host.bias[i % n];
  const before = preactivation ? c.slice() : new Float64Array(0);
  const activate = activations[activation];
  for (let i = 0; i < c.length; i++) c[i] = activate(c[i]) + (residual ? host.residual[i] : 0);
  return { c, preactivation: before };
}

function rowMajor(x: Float64Array, rows: number, cols: number, transposed: boolean): Float64Array {
  if (!transposed) return x;
  const y = new Float64Array(rows * cols);
  for (let i = 0; i < y.length; i++) y[i] = x[(i % cols) * rows + Math.floor(i / cols)];
  return y;
}
