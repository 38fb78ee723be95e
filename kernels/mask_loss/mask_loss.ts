import { ceilDiv, defineKernel, flatGrid, MAX_GRID, type Random } from '../kernel.ts';
import { backwardReference, finishReference, partialsReference, pseudoLabelsReference } from './reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** Labels among the classes, one in eight 255; some classes stay absent. */
function labelsInput(count: number, classes: number, random: Random): Uint32Array {
  const used = Math.max(1, Math.ceil(classes * 0.7));
  return Uint32Array.from({ length: count }, () => (random() < 0.125 ? 255 : Math.floor(random() * used)));
}

/** Pixels a workgroup sums: enough to keep threads busy, few enough to spread a small batch. */
export function lossChunks(pixels: number): number {
  return ceilDiv(pixels, 8192);
}

const published = { alpha: 0.25, gamma: 2 };
const weights = { focal_weight: 100, dice_weight: 1 };

export const maskLossPartials = defineKernel({
  name: 'mask_loss.partials',
  doc: 'Sums over pixels for sigmoid focal loss (Lin et al. 2017) and dice loss (Milletari et al. 2016) of each mask.',
  source: at('partials.wgsl'),
  helpers: [at('sigmoid.wgsl')],
  dims: { images: 'u32', classes: 'u32', pixels: 'u32', chunks: 'u32', alpha: 'f32', gamma: 'f32' },
  buffers: {
    logits: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.images, d.classes, d.pixels],
      input: (d, random) =>
        Float32Array.from({ length: d.images * d.classes * d.pixels }, () => 12 * random() - 8),
    },
    labels: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.images, d.pixels],
      input: (d, random) => labelsInput(d.images * d.pixels, d.classes, random),
    },
    partials: { access: 'write', dtype: 'f32', shape: (d) => [d.images, d.classes, d.chunks, 4] },
  },
  tile: { default: { WG: 64 }, space: [{ WG: 32 }, { WG: 64 }] },
  grid: (d) => flatGrid(d.images * d.classes * d.chunks),
  cost: (d) => ({ flops: 20 * d.images * d.classes * d.pixels, bytes: 8 * d.images * d.classes * d.pixels }),
  cases: {
    'voc@128': { images: 1, classes: 15, pixels: 128 * 128, chunks: 2, ...published },
    odd: { images: 2, classes: 3, pixels: 77, chunks: 1, ...published },
    'other exponent': { images: 1, classes: 2, pixels: 31, chunks: 3, alpha: 0.4, gamma: 1.5 },
  },
  tolerance: { f32: 2e-6 },
  reference: partialsReference,
});

export const maskLossFinish = defineKernel({
  name: 'mask_loss.finish',
  doc: 'Total loss from the sums, normalised by the number of present (image, class) pairs.',
  source: at('finish.wgsl'),
  dims: {
    rows: 'u32',
    pixels: 'u32',
    chunks: 'u32',
    focal_weight: 'f32',
    dice_weight: 'f32',
    normalise: 'u32',
  },
  buffers: {
    partials: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.rows, d.chunks, 4],
      input: (d, random) =>
        Float32Array.from({ length: d.rows * d.chunks * 4 }, (_, i) => {
          const absent = Math.floor(i / (4 * d.chunks)) % 3 === 1;
          return i % 4 === 3 ? (absent ? 0 : Math.floor(random() * 50)) : 40 * random();
        }),
    },
    stats: { access: 'write', dtype: 'f32', shape: (d) => [d.rows, 4] },
    loss: { access: 'write', dtype: 'f32', shape: () => [4] },
    total: { access: 'write', dtype: 'f32', shape: () => [1] },
  },
  tile: { default: { WG: 64 }, space: [{ WG: 16 }, { WG: 64 }] },
  grid: () => [1, 1, 1],
  cost: (d) => ({ flops: 4 * d.rows * d.chunks, bytes: 16 * d.rows * (d.chunks + 1) }),
  cases: {
    'voc@512': { rows: 60, pixels: 262144, chunks: 32, ...weights, normalise: 1 },
    odd: { rows: 7, pixels: 77, chunks: 1, ...weights, normalise: 1 },
    unnormalised: { rows: 101, pixels: 99, chunks: 3, ...weights, normalise: 0 },
  },
  tolerance: { f32: 2e-6 },
  reference: finishReference,
});

export const maskLossBackward = defineKernel({
  name: 'mask_loss.backward',
  doc: 'Gradient of the weighted focal and dice loss with respect to the logits.',
  source: at('backward.wgsl'),
  helpers: [at('sigmoid.wgsl')],
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
    logits: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.images, d.classes, d.pixels],
      input: (d, random) =>
        Float32Array.from({ length: d.images * d.classes * d.pixels }, () => 12 * random() - 8),
    },
    labels: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.images, d.pixels],
      input: (d, random) => labelsInput(d.images * d.pixels, d.classes, random),
    },
    stats: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.images, d.classes, 4],
      input: (d, random) =>
        Float32Array.from({ length: d.images * d.classes * 4 }, (_, i) =>
          i % 4 === 2 ? Math.round(random()) : 1 + random() * d.pixels,
        ),
    },
    loss: { access: 'read', dtype: 'f32', shape: () => [4], input: () => [3, 1, 4, 5] },
    dlogits: { access: 'write', dtype: 'f32', shape: (d) => [d.images, d.classes, d.pixels] },
  },
  tile: {
    default: { WG: 64, PER_THREAD: 16 },
    space: [
      { WG: 64, PER_THREAD: 16 },
      { WG: 32, PER_THREAD: 4 },
    ],
  },
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
  tolerance: { f32: 2e-6 },
  reference: backwardReference,
});

export const pseudoLabels = defineKernel({
  name: 'mask_loss.pseudo_labels',
  doc: 'Self-training: unlabelled pixels take the best novel class of the detached prediction.',
  source: at('pseudo_labels.wgsl'),
  dims: { images: 'u32', classes: 'u32', pixels: 'u32', novel_count: 'u32', unlabelled: 'u32' },
  buffers: {
    logits: { access: 'read', dtype: 'f32', shape: (d) => [d.images, d.classes, d.pixels] },
    labels: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.images, d.pixels],
      input: (d, random) =>
        labelsInput(d.images * d.pixels, d.classes, random).map((label) =>
          label % 2 === 1 ? d.unlabelled : label,
        ),
    },
    novel: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.novel_count],
      input: (d) => Uint32Array.from({ length: d.novel_count }, (_, i) => d.classes - d.novel_count + i),
    },
    y: { access: 'write', dtype: 'u32', shape: (d) => [d.images, d.pixels] },
  },
  tile: { default: { WG: 64 }, space: [{ WG: 64 }, { WG: 8 }] },
  grid: (d, t) => flatGrid((d.images * d.pixels) / t.WG),
  cost: (d) => ({
    flops: d.images * d.novel_count * d.pixels,
    bytes: 4 * d.images * d.pixels * (d.novel_count + 2),
  }),
  cases: {
    'voc@128': { images: 2, classes: 20, pixels: 128 * 128, novel_count: 5, unlabelled: 254 },
    odd: { images: 3, classes: 4, pixels: 77, novel_count: 1, unlabelled: 254 },
  },
  tolerance: { f32: 0 },
  reference: pseudoLabelsReference,
});
