import { ceilDiv, type DimsOf, defineKernel, type HostArrays, type Variant } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

const forwardDims = { batch: 'u32', queries: 'u32', keys: 'u32', width: 'u32', factor: 'f32' } as const;
type ForwardDims = DimsOf<typeof forwardDims>;

const forwardTiled: Variant<ForwardDims> = {
  name: 'tiled',
  source: at('forward_tiled.wgsl'),
  tile: { default: {}, space: [{}] },
  grid: (d) => [ceilDiv(d.keys, 32), ceilDiv(d.queries, 32), d.batch],
};

export const maskScoresForward = defineKernel({
  name: 'mask_scores.forward',
  doc:
    'y = factor q k^T. With factor = 1 / (heads sqrt(width / heads)) the mean over heads of their scaled scores: ' +
    'the masks of Cascade-CLIP, Li et al. 2024.',
  dims: forwardDims,
  buffers: {
    q: { access: 'read', dtype: 'store_t', shape: (d) => [d.batch, d.queries, d.width] },
    k: { access: 'read', dtype: 'store_t', shape: (d) => [d.batch, d.keys, d.width] },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.batch, d.queries, d.keys] },
  },
  variants: [forwardTiled],
  cost: (d) => ({
    flops: 2 * d.batch * d.queries * d.keys * d.width,
    bytes: 4 * d.batch * ((d.queries + d.keys) * d.width + d.queries * d.keys),
  }),
  cases: {
    'decoder@512': { batch: 1, queries: 20, keys: 1024, width: 512, factor: 1 / 64 },
    'mini@96': { batch: 3, queries: 7, keys: 36, width: 128, factor: 0.04 },
    odd: { batch: 2, queries: 35, keys: 37, width: 13, factor: 0.5 },
    one: { batch: 1, queries: 1, keys: 1, width: 1, factor: 2 },
  },
  // sums of 512 products of either sign
  tolerance: { f32: 2e-6 },
  reference: (d, { q, k }) => {
    const y = new Float64Array(d.batch * d.queries * d.keys);
    for (let b = 0; b < d.batch; b++) {
      for (let i = 0; i < d.queries; i++) {
        for (let j = 0; j < d.keys; j++) {
          let sum = 0;
          const [row, column] = [(b * d.queries + i) * d.width, (b * d.keys + j) * d.width];
          for (let c = 0; c < d.width; c++) sum += q[row + c] * k[column + c];
          y[(b * d.queries + i) * d.keys + j] = d.factor * sum;
        }
      }
    }
    return { y };
  },
});

const backwardDims = {
  batch: 'u32',
  rows: 'u32',
  inner: 'u32',
  width: 'u32',
  rowStride: 'u32',
  innerStride: 'u32',
  factor: 'f32',
} as const;
type BackwardDims = DimsOf<typeof backwardDims>;

const backwardTiled: Variant<BackwardDims> = {
  name: 'tiled',
  source: at('backward_tiled.wgsl'),
  tile: { default: {}, space: [{}] },
  grid: (d) => [ceilDiv(d.width, 32), ceilDiv(d.rows, 32), d.batch],
};

export const maskScoresBackward = defineKernel({
  name: 'mask_scores.backward',
  doc: 'dx = factor dy z: dq from z = k, or with dy transposed dk from z = q.',
  dims: backwardDims,
  buffers: {
    dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.batch, d.rows, d.inner] },
    z: { access: 'read', dtype: 'store_t', shape: (d) => [d.batch, d.inner, d.width] },
    dx: { access: 'write', dtype: 'store_t', shape: (d) => [d.batch, d.rows, d.width] },
  },
  variants: [backwardTiled],
  cost: (d) => ({
    flops: 2 * d.batch * d.rows * d.inner * d.width,
    bytes: 4 * d.batch * ((d.rows + d.inner) * d.width + d.rows * d.inner),
  }),
  cases: {
    'decoder@512': queryGradient({ batch: 1, queries: 20, keys: 1024, width: 512, factor: 1 / 64 }),
    'decoder@512 keys': keyGradient({ batch: 1, queries: 20, keys: 1024, width: 512, factor: 1 / 64 }),
    'mini@96': keyGradient({ batch: 3, queries: 7, keys: 36, width: 128, factor: 0.04 }),
    odd: queryGradient({ batch: 2, queries: 35, keys: 37, width: 13, factor: 0.5 }),
    'odd keys': keyGradient({ batch: 2, queries: 35, keys: 37, width: 13, factor: 0.5 }),
    one: keyGradient({ batch: 1, queries: 1, keys: 1, width: 1, factor: 2 }),
  },
  // sums of a thousand products of either sign
  tolerance: { f32: 2e-6 },
  reference: backwardReference,
});

/** Dims of {@link maskScoresBackward} for dq. */
export function queryGradient({ batch, queries, keys, width, factor }: ForwardDims): BackwardDims {
  return { batch, rows: queries, inner: keys, width, rowStride: keys, innerStride: 1, factor };
}

/** Dims of {@link maskScoresBackward} for dk. */
export function keyGradient({ batch, queries, keys, width, factor }: ForwardDims): BackwardDims {
  return { batch, rows: keys, inner: queries, width, rowStride: 1, innerStride: keys, factor };
}

function backwardReference(d: BackwardDims, { dy, z }: HostArrays): HostArrays {
  const dx = new Float64Array(d.batch * d.rows * d.width);
  for (let b = 0; b < d.batch; b++) {
    for (let r = 0; r < d.rows; r++) {
      const to = dx.subarray((b * d.rows + r) * d.width, (b * d.rows + r + 1) * d.width);
      for (let i = 0; i < d.inner; i++) {
        const weight = d.factor * dy[b * d.rows * d.inner + r * d.rowStride + i * d.innerStride];
        const from = (b * d.inner + i) * d.width;
        for (let c = 0; c < d.width; c++) to[c] += weight * z[from + c];
      }
    }
  }
  return { dx };
}
