import { type BufferSpec, ceilDiv, defineKernel, flatGrid, MAX_GRID } from '../kernel.ts';
import { labelsInput, logitsInput, published, statsInput, weights } from './inputs.ts';
import { backwardReference, partialsReference } from './reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** Chunks of pixels, one to a workgroup: enough to keep threads busy, few enough to spread a small batch. */
export function lossChunks(pixels: number): number {
  return ceilDiv(pixels, 8192);
}

interface PixelDims {
  images: number;
  classes: number;
  pixels: number;
}

/** Logits and labels at the same resolution. */
const pixelBuffers = {
  logits: {
    access: 'read',
    dtype: 'f32',
    shape: (d) => [d.images, d.classes, d.pixels],
    input: (d, random) => logitsInput(d.images * d.classes * d.pixels, random),
  },
  labels: {
    access: 'read',
    dtype: 'u32',
    shape: (d) => [d.images, d.pixels],
    input: (d, random) => labelsInput(d.images * d.pixels, d.classes, random),
  },
} satisfies Record<string, BufferSpec<PixelDims & Record<string, number>>>;

export const maskLossPartials = defineKernel({
  name: 'mask_loss.partials',
  doc: 'Sums over pixels for sigmoid focal loss (Lin et al. 2017) and dice loss (Milletari et al. 2016) of each mask.',
  source: at('partials.wgsl'),
  helpers: [at('pixel.wgsl'), at('first_thread_sum.wgsl')],
  dims: { images: 'u32', classes: 'u32', pixels: 'u32', chunks: 'u32', alpha: 'f32', gamma: 'f32' },
  buffers: {
    ...pixelBuffers,
    partials: { access: 'write', dtype: 'f32', shape: (d) => [d.images, d.classes, d.chunks, 4] },
  },
  tiles: [{ WG: 64 }, { WG: 32 }],
  grid: (d) => flatGrid(d.images * d.classes * d.chunks),
  cost: (d) => ({ flops: 20 * d.images * d.classes * d.pixels, bytes: 8 * d.images * d.classes * d.pixels }),
  cases: {
    'voc@128': { images: 1, classes: 15, pixels: 128 * 128, chunks: 2, ...published },
    odd: { images: 2, classes: 3, pixels: 77, chunks: 1, ...published },
    'other exponent': { images: 1, classes: 2, pixels: 31, chunks: 3, alpha: 0.4, gamma: 1.5 },
  },
  tolerance: 2e-6,
  reference: partialsReference,
});

export const maskLossBackward = defineKernel({
  name: 'mask_loss.backward',
  doc: 'Gradient of the weighted focal and dice loss with respect to the logits.',
  source: at('backward.wgsl'),
  helpers: [at('pixel.wgsl')],
  dims: {
    images: 'u32',
    classes: 'u32',
    pixels: 'u32',
    alpha: 'f32',
    gamma: 'f32',
    focal_weight: 'f32',
    dice_weight: 'f32',
    normalise: 'u32',
  },
  buffers: {
    dy: { access: 'read', dtype: 'f32', shape: () => [1] },
    ...pixelBuffers,
    stats: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.images, d.classes, 4],
      input: (d, random) => statsInput(d.images * d.classes, d.pixels, random),
    },
    loss: { access: 'read', dtype: 'f32', shape: () => [4], input: () => [3, 1, 4, 5] },
    dlogits: { access: 'write', dtype: 'f32', shape: (d) => [d.images, d.classes, d.pixels] },
  },
  tiles: [
    { WG: 64, PER_THREAD: 16 },
    { WG: 32, PER_THREAD: 4 },
  ],
  grid: (d, t) => {
    const rows = d.images * d.classes;
    return [ceilDiv(d.pixels, t.WG * t.PER_THREAD), Math.min(rows, MAX_GRID), ceilDiv(rows, MAX_GRID)];
  },
  cost: (d) => ({ flops: 40 * d.images * d.classes * d.pixels, bytes: 12 * d.images * d.classes * d.pixels }),
  cases: {
    'voc@128': { images: 1, classes: 15, pixels: 128 * 128, ...published, ...weights, normalise: 1 },
    odd: { images: 2, classes: 3, pixels: 77, ...published, ...weights, normalise: 1 },
    'other exponent': { images: 1, classes: 2, pixels: 31, alpha: 0.4, gamma: 1.5, ...weights, normalise: 0 },
  },
  tolerance: 2e-6,
  reference: backwardReference,
});
