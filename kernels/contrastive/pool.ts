import { defineKernel, flatGrid, type HostArrays } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

interface PoolDims {
  images: number;
  patches: number;
  captions: number;
  tau: number;
}

/** Index in x of each patch of column `column` of y. */
function patchesOf({ patches, captions }: PoolDims, column: number): number[] {
  const begin = Math.floor(column / captions) * patches * captions + (column % captions);
  return Array.from({ length: patches }, (_, n) => begin + n * captions);
}

/** log(sum exp(tau x)) / tau over the patches, in float64. */
export function poolReference(d: PoolDims, { x }: HostArrays): { y: Float64Array } {
  const y = Float64Array.from({ length: d.images * d.captions }, (_, column) => {
    const values = patchesOf(d, column).map((i) => x[i]);
    const peak = Math.max(...values);
    return peak + Math.log(values.reduce((sum, v) => sum + Math.exp(d.tau * (v - peak)), 0)) / d.tau;
  });
  return { y };
}

const dims = { images: 'u32', patches: 'u32', captions: 'u32', tau: 'f32' } as const;
const tiles = [{ WG: 32 }, { WG: 64 }];
const cases = {
  'mini-clip': { images: 64, patches: 36, captions: 96, tau: 15 },
  odd: { images: 3, patches: 7, captions: 13, tau: 15 },
  'one patch': { images: 2, patches: 1, captions: 5, tau: 40 },
};

export const poolForward = defineKernel({
  name: 'contrastive.pool',
  doc: 'Log-sum-exp pooling of patch-text similarities over the patches of an image: a smooth maximum.',
  source: at('pool_forward.wgsl'),
  dims,
  buffers: {
    x: { access: 'read', dtype: 'f32', shape: (d) => [d.images, d.patches, d.captions] },
    y: { access: 'write', dtype: 'f32', shape: (d) => [d.images, d.captions] },
  },
  tiles,
  grid: (d, t) => flatGrid((d.images * d.captions) / t.WG),
  cost: (d) => ({
    flops: 5 * d.images * d.patches * d.captions,
    bytes: 4 * d.images * d.captions * (d.patches + 1),
  }),
  cases,
  tolerance: 2e-6,
  reference: poolReference,
});

export const poolBackward = defineKernel({
  name: 'contrastive.pool_backward',
  doc: 'Gradient of log-sum-exp pooling: dy times the softmax over patches.',
  source: at('pool_backward.wgsl'),
  dims,
  buffers: {
    dy: { access: 'read', dtype: 'f32', shape: (d) => [d.images, d.captions] },
    x: { access: 'read', dtype: 'f32', shape: (d) => [d.images, d.patches, d.captions] },
    // no less than the largest x, as every pooled value
    y: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.images, d.captions],
      input: (d, random) => Float64Array.from({ length: d.images * d.captions }, () => 1 + 0.2 * random()),
    },
    dx: { access: 'write', dtype: 'f32', shape: (d) => [d.images, d.patches, d.captions] },
  },
  tiles,
  grid: (d, t) => flatGrid((d.images * d.captions) / t.WG),
  cost: (d) => ({
    flops: 4 * d.images * d.patches * d.captions,
    bytes: 8 * d.images * d.captions * (d.patches + 1),
  }),
  cases,
  // tau * (x - y) up to 80 is rounded before its exponential
  tolerance: 1e-5,
  reference: (d, { dy, x, y }) => {
    const dx = new Float64Array(x.length);
    for (let column = 0; column < y.length; column++) {
      for (const i of patchesOf(d, column)) dx[i] = dy[column] * Math.exp(d.tau * (x[i] - y[column]));
    }
    return { dx };
  },
});
