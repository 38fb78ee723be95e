import { ceilDiv, type DimsOf, defineKernel, product, softwareSubgroups, type Variant } from '../kernel.ts';
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

const outerDims = { ...productDims, panels: 'u32' } as const;

/** As those of one product; `panels` is 1 if a and b are in panels, 0 if each is a (k, rows) matrix. */
export type OuterDims = DimsOf<typeof outerDims>;

/** Where a subgroup is a SIMD register of a CPU. */
export const outerSubgroup: Variant<OuterDims> = {
  name: 'subgroup',
  source: at('outer.wgsl'),
  helpers: [at('activation.wgsl'), at('store.wgsl')],
  fits: softwareSubgroups,
  // rows begin with whole quads, as those of panels do
  takes: (d) => d.panels === 1 || (d.m % 4 === 0 && d.n % 4 === 0),
  constants: (d) => ({
    ...storeConstants(d),
    PANELS: d.panels,
    ODD: Number(!d.panels && d.k % 2 !== 0),
  }),
  // row tiles first: consecutive workgroups share their columns of b
  grid: (d) => [ceilDiv(d.m, PANEL), ceilDiv(d.n, 2 * PANEL), 1],
};

/** Shape of one operand, k first. */
function operandShape(rows: number, { k, panels }: OuterDims): readonly number[] {
  return panels ? panelShape(rows, k) : [k, rows];
}

/** Random numbers, with zeros where the matrix has ended, as `matmul.pack` leaves them. */
function randomOperand(rows: number, d: OuterDims, random: () => number): Float64Array {
  const [, length] = panelShape(rows, d.k);
  return Float64Array.from({ length: product(operandShape(rows, d)) }, (_, i) => {
    const { row, column } = placeInPanels(i, length);
    return !d.panels || (row < rows && column < d.k) ? 2 * random() - 1 : 0;
  });
}

/** The (k, rows) matrix. */
function kFirst(values: Float64Array, rows: number, { k, panels }: OuterDims): Float64Array {
  if (!panels) return values;
  const x = new Float64Array(k * rows);
  const [, length] = panelShape(rows, k);
  values.forEach((value, i) => {
    const { row, column } = placeInPanels(i, length);
    if (row < rows && column < k) x[column * rows + row] = value;
  });
  return x;
}

const inPanels = (d: ProductDims): OuterDims => ({ ...d, panels: 1 });
const inPlace = (d: ProductDims): OuterDims => ({ ...d, panels: 0 });

export const matmulOuter = defineKernel({
  name: 'matmul.outer',
  doc: 'c = activation(a^T b + bias) + residual for matrices stored k first, as they are or in panels; keeps the pre-activation for backward if asked.',
  dims: outerDims,
  buffers: {
    a: {
      access: 'read',
      dtype: 'a_t',
      shape: (d) => operandShape(d.m, d),
      input: (d, random) => randomOperand(d.m, d, random),
    },
    b: {
      access: 'read',
      dtype: 'b_t',
      shape: (d) => operandShape(d.n, d),
      input: (d, random) => randomOperand(d.n, d, random),
    },
    bias: { access: 'read', dtype: 'f32', shape: (d) => [d.bias ? d.n : 0] },
    residual: { access: 'read', dtype: 'store_t', shape: (d) => [d.residual ? d.m : 0, d.n] },
    c: { access: 'write', dtype: 'store_t', shape: (d) => [d.m, d.n] },
    preactivation: { access: 'write', dtype: 'store_t', shape: (d) => [d.preactivation ? d.m : 0, d.n] },
  },
  variants: [
    outerSubgroup,
    {
      name: 'plain',
      source: at('outer_plain.wgsl'),
      helpers: [at('activation.wgsl'), at('epilogue.wgsl')],
      grid: (d) => [ceilDiv(d.n, 8), ceilDiv(d.m, 8), 1],
    },
  ],
  cost: (d) => ({
    flops: 2 * d.m * d.n * d.k,
    bytes: 4 * (d.m * d.k + d.n * d.k + d.m * d.n * (1 + d.residual + d.preactivation)),
  }),
  cases: {
    'vit-b16@512': inPanels(single(1035, 768, 768, { bias: 1, residual: 1 })),
    'decoder mlp': inPanels(
      single(20, 2048, 512, { bias: 1, activation: ACTIVATION.relu, preactivation: 1 }),
    ),
    'mini@96': inPlace(single(128, 384, 296)),
    'odd sum in place': inPlace(single(36, 100, 29, { bias: 1, residual: 1 })),
    'odd everything in place': inPlace(edges['odd everything']),
    'one quad in place': inPlace(single(4, 4, 1)),
    ...Object.fromEntries(Object.entries(edges).map(([name, dims]) => [name, inPanels(dims)])),
  },
  // a sum of k products in one order, as in `matmul.nn`
  tolerance: 2e-6,
  reference: (d, host) => {
    const a = kFirst(host.a, d.m, d);
    const b = kFirst(host.b, d.n, d);
    return matmulReference({ ...d, batch: 1, sharedA: 0, sharedB: 0 }, { ...host, a, b }, true, false);
  },
});
