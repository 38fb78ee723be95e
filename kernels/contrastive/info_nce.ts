import { ceilDiv, defineKernel, flatGrid, type Random } from '../kernel.ts';
import {
  backwardReference,
  finishReference,
  linesReference,
  NO_CONCEPT,
  type PairDims,
} from './reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

const pairDims = { images: 'u32', captions: 'u32', concepts: 'u32', max_scale: 'f32' } as const;
const cases = {
  'mini-clip': { images: 64, captions: 96, concepts: 3, max_scale: 100 },
  odd: { images: 5, captions: 13, concepts: 2, max_scale: 100 },
  'at the largest scale': { images: 7, captions: 3, concepts: 1, max_scale: 10 },
};

/** One to `concepts` of some ids for each image, the same id twice at times. */
function imageConcepts(d: PairDims, random: Random): Float64Array {
  return Float64Array.from({ length: d.images * d.concepts }, (_, i) =>
    i % d.concepts === 0 || random() < 0.4 ? Math.floor((random() * d.captions) / 2) : NO_CONCEPT,
  );
}

/** Ids of which some belong to no image, and now and then none at all. */
function captionConcepts(d: PairDims, random: Random): Float64Array {
  return Float64Array.from({ length: d.captions }, (_, j) =>
    j % 11 === 10 ? NO_CONCEPT : Math.floor((random() * d.captions) / 1.6),
  );
}

const read = { access: 'read', dtype: 'f32' } as const;
const logitScale = { ...read, shape: () => [1], input: () => [Math.log(1 / 0.07)] };
const pairBuffers = {
  similarity: { ...read, shape: (d: PairDims) => [d.images, d.captions] },
  logit_scale: logitScale,
  image_concepts: {
    access: 'read',
    dtype: 'u32',
    shape: (d: PairDims) => [d.images, d.concepts],
    input: imageConcepts,
  },
  caption_concepts: {
    access: 'read',
    dtype: 'u32',
    shape: (d: PairDims) => [d.captions],
    input: captionConcepts,
  },
} as const;

/** Every line: peak, log sum, 1 / number of positives (0 in one line of three), loss. */
const stats = {
  ...read,
  shape: (d: { images: number; captions: number }) => [d.images + d.captions, 4],
  input: (d: { images: number; captions: number }, random: Random) =>
    Array.from({ length: d.images + d.captions }, (_, line) => {
      const alone = line % 3 === 1;
      return [1, 4 * random(), alone ? 0 : 1 / (1 + Math.floor(3 * random())), alone ? 0 : 5 * random()];
    }).flat(),
};

export const infoNceLines = defineKernel({
  name: 'contrastive.lines',
  doc: 'Softmax statistics and the multi-positive InfoNCE term of every image and every caption. Khosla et al. 2020, arXiv:2004.11362 (mean over positives outside the logarithm); van den Oord et al. 2018, arXiv:1807.03748.',
  source: at('lines.wgsl'),
  helpers: [at('positive.wgsl')],
  dims: pairDims,
  buffers: {
    ...pairBuffers,
    stats: { access: 'write', dtype: 'f32', shape: (d) => [d.images + d.captions, 4] },
    slopes: { access: 'write', dtype: 'f32', shape: (d) => [d.images + d.captions] },
  },
  tiles: [{ WG: 8 }, { WG: 32 }],
  grid: (d, t) => [ceilDiv(d.images + d.captions, t.WG), 1, 1],
  cost: (d) => ({
    flops: 2 * d.images * d.captions * (7 + d.concepts),
    bytes: 4 * (d.images * (d.captions + d.concepts) + d.captions) + 20 * (d.images + d.captions),
  }),
  cases,
  tolerance: 4e-6,
  reference: linesReference,
});

export const infoNceFinish = defineKernel({
  name: 'contrastive.finish',
  doc: 'Symmetric contrastive loss from the terms of images and captions, and its slope in the logit scale. Radford et al. 2021, arXiv:2103.00020.',
  source: at('finish.wgsl'),
  dims: { images: 'u32', captions: 'u32', max_scale: 'f32' },
  buffers: {
    stats,
    slopes: {
      ...read,
      shape: (d) => [d.images + d.captions],
      // of a single image all negative, so that the rule for the largest scale applies
      input: (d, random) =>
        Float64Array.from({ length: d.images + d.captions }, () => random() - (d.images === 1 ? 1 : 0.4)),
    },
    logit_scale: logitScale,
    loss: { access: 'write', dtype: 'f32', shape: () => [1] },
    weights: { access: 'write', dtype: 'f32', shape: () => [2] },
    slope: { access: 'write', dtype: 'f32', shape: () => [1] },
  },
  tiles: [{ WG: 64 }, { WG: 16 }],
  grid: () => [1, 1, 1],
  cost: (d) => ({ flops: 3 * (d.images + d.captions), bytes: 20 * (d.images + d.captions) }),
  cases: {
    'mini-clip': { images: 64, captions: 96, max_scale: 100 },
    odd: { images: 5, captions: 131, max_scale: 100 },
    'at the largest scale': { images: 7, captions: 3, max_scale: 10 },
    'at the largest scale, still rising': { images: 1, captions: 4, max_scale: 10 },
  },
  tolerance: 4e-6,
  reference: finishReference,
});

export const infoNceBackward = defineKernel({
  name: 'contrastive.backward',
  doc: 'Gradient of the symmetric multi-positive contrastive loss with respect to the similarities.',
  source: at('backward.wgsl'),
  helpers: [at('positive.wgsl')],
  dims: pairDims,
  buffers: {
    dy: { ...read, shape: () => [1] },
    ...pairBuffers,
    stats,
    weights: { ...read, shape: () => [2], input: (d) => [0.5 / d.images, 0.5 / d.captions] },
    dsimilarity: { access: 'write', dtype: 'f32', shape: (d) => [d.images, d.captions] },
  },
  tiles: [{ WG: 64 }, { WG: 32 }],
  grid: (d, t) => flatGrid((d.images * d.captions) / t.WG),
  cost: (d) => ({
    flops: d.images * d.captions * (14 + d.concepts),
    bytes: 8 * d.images * d.captions + 4 * d.images * d.concepts + 20 * d.captions + 16 * d.images,
  }),
  cases,
  tolerance: 4e-6,
  reference: backwardReference,
});
