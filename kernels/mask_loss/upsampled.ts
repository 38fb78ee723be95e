import { defineKernel, flatGrid, softwareSubgroups, type Variant } from '../kernel.ts';
import { labelsInput, logitsInput, published, statsInput, weights } from './inputs.ts';
import type { FocalDims } from './reference.ts';
import { gatherReference, type UpsampledDims, upsampledReference } from './upsampled_reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

type Dims = UpsampledDims & FocalDims & Record<string, number>;

const subgroup: Variant<Dims> = {
  name: 'subgroup',
  source: at('upsampled_subgroup.wgsl'),
  helpers: [at('pixel.wgsl'), at('../shared/subgroup_sum.wgsl')],
  fits: softwareSubgroups,
  // factors that are multiples of 8
  takes: (d) => d.out_height % (8 * d.height) === 0 && d.out_width % (8 * d.width) === 0,
  grid: (d) => [d.height + 1, d.classes, d.images],
};

const plain: Variant<Dims> = {
  name: 'plain',
  source: at('upsampled_plain.wgsl'),
  helpers: [at('pixel.wgsl'), at('cells.wgsl'), at('first_thread_sum.wgsl')],
  tiles: [{ WG: 64 }, { WG: 32 }],
  grid: (d) => [d.height + 1, d.classes, d.images],
};

const odd = { images: 2, classes: 3, ...published };

export const upsampled = defineKernel({
  name: 'mask_loss.upsampled',
  doc:
    'Focal and dice loss of bilinearly upsampled masks in one pass that stores no pixel: partial sums by row of ' +
    'cells, and what each cell passes back to its four corners.',
  variants: [subgroup, plain],
  dims: {
    images: 'u32',
    classes: 'u32',
    height: 'u32',
    width: 'u32',
    out_height: 'u32',
    out_width: 'u32',
    alpha: 'f32',
    gamma: 'f32',
  },
  buffers: {
    masks: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.images, d.classes, d.height, d.width],
      input: (d, random) => logitsInput(d.images * d.classes * d.height * d.width, random),
    },
    labels: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.images, d.out_height, d.out_width],
      input: (d, random) => labelsInput(d.images * d.out_height * d.out_width, d.classes, random),
    },
    partials: { access: 'write', dtype: 'f32', shape: (d) => [d.images, d.classes, d.height + 1, 4] },
    corners: {
      access: 'write',
      dtype: 'f32',
      shape: (d) => [d.images, d.classes, d.height + 1, d.width + 1, 3, 4],
    },
  },
  cost: (d) => ({
    flops: 50 * d.images * d.classes * d.out_height * d.out_width,
    bytes: 4 * d.images * (d.out_height * d.out_width + 13 * d.classes * d.height * d.width),
  }),
  cases: {
    // few classes: the float64 reference takes most of the time
    'vit-b16@512': {
      images: 1,
      classes: 2,
      height: 32,
      width: 32,
      out_height: 512,
      out_width: 512,
      ...published,
    },
    'mini@48': { images: 8, classes: 15, height: 6, width: 6, out_height: 48, out_width: 48, ...published },
    'factors 24 and 8': {
      images: 2,
      classes: 3,
      height: 2,
      width: 5,
      out_height: 48,
      out_width: 40,
      alpha: 0.4,
      gamma: 1.5,
    },
    'one value': { images: 3, classes: 1, height: 1, width: 1, out_height: 8, out_width: 16, ...published },
    'vit-b16@500': { ...odd, images: 1, height: 32, width: 27, out_height: 500, out_width: 421 },
    up: { ...odd, height: 5, width: 7, out_height: 13, out_width: 11, gamma: 1.5 },
    three: { ...odd, height: 5, width: 49, out_height: 15, out_width: 147 },
    down: { ...odd, height: 13, width: 11, out_height: 5, out_width: 7 },
    mixed: { ...odd, height: 9, width: 20, out_height: 21, out_width: 8 },
    'far down': { ...odd, height: 67, width: 45, out_height: 3, out_width: 2 },
    same: { ...odd, height: 7, width: 9, out_height: 7, out_width: 9 },
    'one value, odd factors': { ...odd, height: 1, width: 1, out_height: 3, out_width: 5 },
    'to one pixel': { ...odd, height: 4, width: 3, out_height: 1, out_width: 1 },
  },
  tolerance: 2e-6,
  reference: upsampledReference,
});

export const upsampledGather = defineKernel({
  name: 'mask_loss.upsampled_gather',
  doc: 'Gradient of the weighted focal and dice loss with respect to the masks, gathered from the corners of cells.',
  source: at('upsampled_gather.wgsl'),
  dims: {
    images: 'u32',
    classes: 'u32',
    height: 'u32',
    width: 'u32',
    pixels: 'u32',
    focal_weight: 'f32',
    dice_weight: 'f32',
    normalise: 'u32',
  },
  buffers: {
    dy: { access: 'read', dtype: 'f32', shape: () => [1] },
    corners: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.images, d.classes, d.height + 1, d.width + 1, 3, 4],
    },
    stats: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.images, d.classes, 4],
      input: (d, random) => statsInput(d.images * d.classes, d.pixels, random),
    },
    loss: { access: 'read', dtype: 'f32', shape: () => [4], input: () => [3, 1, 4, 5] },
    dmasks: { access: 'write', dtype: 'f32', shape: (d) => [d.images, d.classes, d.height, d.width] },
  },
  tiles: [{ WG: 64 }, { WG: 8 }],
  grid: (d, t) => flatGrid((d.images * d.classes * d.height * d.width) / t.WG),
  cost: (d) => ({
    flops: 100 * d.images * d.classes * d.height * d.width,
    bytes: 52 * d.images * d.classes * d.height * d.width,
  }),
  cases: {
    'vit-b16@512': {
      images: 1,
      classes: 20,
      height: 32,
      width: 32,
      pixels: 262144,
      ...weights,
      normalise: 1,
    },
    odd: { images: 2, classes: 3, height: 5, width: 7, pixels: 143, ...weights, normalise: 1 },
    'one value': { images: 3, classes: 2, height: 1, width: 1, pixels: 15, ...weights, normalise: 0 },
    'one row': { images: 1, classes: 2, height: 1, width: 4, pixels: 60, ...weights, normalise: 0 },
  },
  tolerance: 2e-6,
  reference: gatherReference,
});
