import { ceilDiv, defineKernel, product, softwareSubgroups, type Variant } from '../kernel.ts';
import { PANEL, panelShape, placeInPanels } from './pack.ts';
import {
  ACTIVATION,
  edges,
  matmulReference,
  type ProductDims,
  productDims,
  single,
  storeConstants,
} from './reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** Where a subgroup is a SIMD register of a CPU, the product for whose sake matrices are packed. */
export const packedSubgroup: Variant<ProductDims> = {
  name: 'subgroup',
  source: at('packed.wgsl'),
  helpers: [at('activation.wgsl'), at('store.wgsl')],
  fits: softwareSubgroups,
  tile: { default: {}, space: [{}] },
  constants: storeConstants,
  // row panels first: consecutive workgroups share their panels of b
  grid: (d) => [ceilDiv(d.m, PANEL), ceilDiv(d.n, 2 * PANEL), 1],
};

/** Panels of random numbers with zeros where the matrix has ended, as `matmul.pack` leaves them. */
function randomPanels(rows: number, k: number, random: () => number): Float64Array {
  const shape = panelShape(rows, k);
  return Float64Array.from({ length: product(shape) }, (_, i) => {
    const { row, column } = placeInPanels(i, shape[1]);
    return row < rows && column < k ? 2 * random() - 1 : 0;
  });
}

/** The matrix, rows x k, that the panels hold. */
function unpacked(y: Float64Array, rows: number, k: number): Float64Array {
  const x = new Float64Array(rows * k);
  const [, length] = panelShape(rows, k);
  y.forEach((value, i) => {
    const { row, column } = placeInPanels(i, length);
    if (row < rows && column < k) x[row * k + column] = value;
  });
  return x;
}

export const matmulPacked = defineKernel({
  name: 'matmul.packed',
  doc: 'c = activation(a b + bias) + residual for matrices in panels; keeps the pre-activation for backward if asked.',
  dims: productDims,
  buffers: {
    a: {
      access: 'read',
      dtype: 'a_t',
      shape: (d) => panelShape(d.m, d.k),
      input: (d, random) => randomPanels(d.m, d.k, random),
    },
    b: {
      access: 'read',
      dtype: 'b_t',
      shape: (d) => panelShape(d.n, d.k),
      input: (d, random) => randomPanels(d.n, d.k, random),
    },
    bias: { access: 'read', dtype: 'f32', shape: (d) => [d.bias ? d.n : 0] },
    residual: { access: 'read', dtype: 'store_t', shape: (d) => [d.residual ? d.m : 0, d.n] },
    c: { access: 'write', dtype: 'store_t', shape: (d) => [d.m, d.n] },
    preactivation: { access: 'write', dtype: 'store_t', shape: (d) => [d.preactivation ? d.m : 0, d.n] },
  },
  variants: [
    packedSubgroup,
    {
      name: 'plain',
      source: at('packed_plain.wgsl'),
      helpers: [at('activation.wgsl'), at('epilogue.wgsl')],
      tile: { default: {}, space: [{}] },
      grid: (d) => [ceilDiv(d.n, 8), ceilDiv(d.m, 8), 1],
    },
  ],
  cost: (d) => ({
    flops: 2 * d.m * d.n * d.k,
    bytes: 4 * (d.m * d.k + d.n * d.k + d.m * d.n * (1 + d.residual + d.preactivation)),
  }),
  cases: {
    'vit-b16@512': single(1035, 768, 768, { bias: 1, residual: 1 }),
    'decoder mlp': single(20, 2048, 512, { bias: 1, activation: ACTIVATION.relu, preactivation: 1 }),
    ...edges,
  },
  // a sum of k products in one order, as in `matmul.nn`
  tolerance: { f32: 2e-6 },
  reference: (d, host) => {
    const a = unpacked(host.a, d.m, d.k);
    const b = unpacked(host.b, d.n, d.k);
    return matmulReference({ ...d, batch: 1, sharedA: 0, sharedB: 0 }, { ...host, a, b }, false, true);
  },
});
