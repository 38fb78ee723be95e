import { ceilDiv, defineKernel, softwareSubgroups, type Variant } from '../kernel.ts';
import {
  ACTIVATION,
  edges,
  type MatmulDims,
  matmulDims,
  matmulReference,
  single,
  storeConstants,
} from './reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);
const activation = at('activation.wgsl');
const epilogue = at('epilogue.wgsl');

/**
 * Register tiles fed by subgroup shuffles where a subgroup is a SIMD register of a CPU, shared-memory tiles
 * elsewhere, and a readable baseline.
 */
function variants(transposeA: boolean, transposeB: boolean): Variant<MatmulDims>[] {
  const transposes = { TRANSPOSE_A: Number(transposeA), TRANSPOSE_B: Number(transposeB) };
  return [
    {
      name: 'subgroup',
      source: at('subgroup.wgsl'),
      helpers: [activation, at('store.wgsl')],
      fits: softwareSubgroups,
      tiles: [{ ROWS: 24 }, { ROWS: 32 }],
      constants: (d) => {
        const [aLine, bLine] = [transposeA ? d.m : d.k, transposeB ? d.k : d.n];
        const aligned = aLine % 4 === 0 && bLine % 4 === 0 && d.k >= 4;
        return {
          ...transposes,
          ALIGNED: Number(aligned),
          TAIL: Number(!aligned || d.k % 4 !== 0),
          ...storeConstants(d),
        };
      },
      // row tiles first: consecutive workgroups share their columns of b
      grid: (d, t) => [ceilDiv(d.m, t.ROWS), ceilDiv(d.n, 32), d.batch],
    },
    {
      name: 'tiled',
      source: at('tiled.wgsl'),
      helpers: [activation, epilogue],
      fits: (facts) => facts.maxWorkgroupSize >= 256,
      tiles: [{ BLOCK: 1 }, { BLOCK: 2 }],
      constants: () => transposes,
      grid: (d, t) => [ceilDiv(d.n, 64 * t.BLOCK), ceilDiv(d.m, 64 * t.BLOCK), d.batch],
    },
    {
      name: 'plain',
      source: at('plain.wgsl'),
      helpers: [activation, epilogue],
      constants: () => transposes,
      grid: (d) => [ceilDiv(d.n, 8), ceilDiv(d.m, 8), d.batch],
    },
  ];
}

/** What makes a single product one of a batch. */
const one = { batch: 1, sharedA: 0, sharedB: 0 };

function sizes(m: number, n: number, k: number, more: Partial<MatmulDims> = {}): MatmulDims {
  return { ...one, ...single(m, n, k), ...more };
}

/** The edges of single products, and products of batches. */
const odd = {
  ...Object.fromEntries(Object.entries(edges).map(([name, dims]) => [name, { ...one, ...dims }])),
  'odd batch': sizes(7, 5, 6, { batch: 3, bias: 1, residual: 1 }),
  'shared a': sizes(9, 12, 20, { batch: 2, sharedA: 1 }),
  'shared b': sizes(8, 65, 4, { batch: 2, sharedB: 1, bias: 1, activation: ACTIVATION.relu }),
};

function matmul(
  name: string,
  doc: string,
  transposeA: boolean,
  transposeB: boolean,
  cases: Record<string, MatmulDims>,
) {
  return defineKernel({
    name,
    doc: `c = activation(${doc} + bias) + residual; keeps the pre-activation for backward if asked.`,
    dims: matmulDims,
    buffers: {
      a: {
        access: 'read',
        dtype: 'a_t',
        shape: (d) => [d.sharedA ? 1 : d.batch, ...(transposeA ? [d.k, d.m] : [d.m, d.k])],
      },
      b: {
        access: 'read',
        dtype: 'b_t',
        shape: (d) => [d.sharedB ? 1 : d.batch, ...(transposeB ? [d.n, d.k] : [d.k, d.n])],
      },
      bias: { access: 'read', dtype: 'f32', shape: (d) => [d.bias ? d.n : 0] },
      residual: { access: 'read', dtype: 'store_t', shape: (d) => [d.residual ? d.batch : 0, d.m, d.n] },
      c: { access: 'write', dtype: 'store_t', shape: (d) => [d.batch, d.m, d.n] },
      preactivation: {
        access: 'write',
        dtype: 'store_t',
        shape: (d) => [d.preactivation ? d.batch : 0, d.m, d.n],
      },
    },
    variants: variants(transposeA, transposeB),
    cost: (d) => {
      const operands = (d.sharedA ? 1 : d.batch) * d.m * d.k + (d.sharedB ? 1 : d.batch) * d.k * d.n;
      const results = d.batch * d.m * d.n * (1 + d.residual + d.preactivation);
      return { flops: 2 * d.batch * d.m * d.n * d.k, bytes: 4 * (operands + results) };
    },
    cases: { ...cases, ...odd },
    // a sum of k products in one order: rounding grows to about 1e-6 at k = 1000
    tolerance: 2e-6,
    reference: (dims, host) => matmulReference(dims, host, transposeA, transposeB),
  });
}

const gelu = { bias: 1, activation: ACTIVATION.quick_gelu, preactivation: 1 };

/** a (m, k), b (k, n). */
export const matmulNN = matmul('matmul.nn', 'a b', false, false, {
  'vit-b16@512': sizes(1035, 768, 768),
  'mini@96': sizes(296, 128, 128),
});

/** a (m, k), b (n, k): the forward pass of a linear layer, whose weight is (out, in). */
export const matmulNT = matmul('matmul.nt', 'a b^T', false, true, {
  'vit-b16@512': sizes(1035, 768, 768, { bias: 1, residual: 1 }),
  'mini@96 mlp': sizes(296, 512, 128, gelu),
});

/** a (k, m), b (k, n): the gradient of a linear layer's weight. */
export const matmulTN = matmul('matmul.tn', 'a^T b', true, false, {
  'vit-b16@512': sizes(768, 768, 1035),
  'mini@96': sizes(128, 128, 296),
});

/** a (k, m), b (n, k). */
export const matmulTT = matmul('matmul.tt', 'a^T b^T', true, true, { 'mini@96': sizes(128, 128, 296) });
