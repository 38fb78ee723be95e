import { ceilDiv, defineKernel, flatGrid, type HostArrays } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

interface RelationshipDims {
  images: number;
  classes: number;
  width: number;
}

const dims = { images: 'u32', classes: 'u32', width: 'u32' } as const;
const tiles = [{ WG: 32 }, { WG: 64 }];
const cases = {
  'coco, batch of 4': { images: 4, classes: 171, width: 512 },
  odd: { images: 3, classes: 5, width: 13 },
  one: { images: 1, classes: 1, width: 1 },
};

const textShape = (d: RelationshipDims): number[] => [d.classes, d.width];
const globalShape = (d: RelationshipDims): number[] => [d.images, d.width];
const pairShape = (d: RelationshipDims): number[] => [d.images, d.classes, 2 * d.width];
const cost = (d: RelationshipDims) => ({
  flops: 2 * d.images * d.classes * d.width,
  bytes: 4 * d.width * (2 * d.images * d.classes + d.images + d.classes),
});

/** concat(t * g, t) for every image and class. */
export function relationshipReference(d: RelationshipDims, { text, global }: HostArrays): HostArrays {
  const y = new Float64Array(d.images * d.classes * 2 * d.width);
  let at = 0;
  for (let b = 0; b < d.images; b++) {
    for (let c = 0; c < d.classes; c++) {
      const t = text.subarray(c * d.width, (c + 1) * d.width);
      y.set(
        t.map((v, i) => v * global[b * d.width + i]),
        at,
      );
      y.set(t, at + d.width);
      at += 2 * d.width;
    }
  }
  return { y };
}

/** Both gradients. */
function backwardReference(d: RelationshipDims, { dy, text, global }: HostArrays): HostArrays {
  const dtext = new Float64Array(d.classes * d.width);
  const dglobal = new Float64Array(d.images * d.width);
  for (let b = 0; b < d.images; b++) {
    for (let c = 0; c < d.classes; c++) {
      const row = (b * d.classes + c) * 2 * d.width;
      for (let i = 0; i < d.width; i++) {
        if (global) dtext[c * d.width + i] += dy[row + i] * global[b * d.width + i] + dy[row + d.width + i];
        if (text) dglobal[b * d.width + i] += dy[row + i] * text[c * d.width + i];
      }
    }
  }
  return { dtext, dglobal };
}

export const relationshipForward = defineKernel({
  name: 'relationship.forward',
  doc: 'concat(t * g, t) of every text embedding t and global image embedding g; ZegCLIP (Zhou et al. 2023).',
  source: at('forward.wgsl'),
  dims,
  buffers: {
    text: { access: 'read', dtype: 'f32', shape: textShape },
    global: { access: 'read', dtype: 'f32', shape: globalShape },
    y: { access: 'write', dtype: 'f32', shape: pairShape },
  },
  tiles,
  grid: (d) => flatGrid(d.images * d.classes),
  cost,
  cases,
  tolerance: 1e-7,
  reference: relationshipReference,
});

export const relationshipText = defineKernel({
  name: 'relationship.text',
  doc: 'Gradient of the text embeddings of a relationship descriptor.',
  source: at('text.wgsl'),
  dims,
  buffers: {
    dy: { access: 'read', dtype: 'f32', shape: pairShape },
    global: { access: 'read', dtype: 'f32', shape: globalShape },
    dtext: { access: 'write', dtype: 'f32', shape: textShape },
  },
  tiles,
  grid: (d, t) => flatGrid(ceilDiv(d.classes * d.width, t.WG)),
  cost,
  cases,
  tolerance: 1e-6,
  reference: backwardReference,
});

export const relationshipGlobal = defineKernel({
  name: 'relationship.global',
  doc: 'Gradient of the global image embeddings of a relationship descriptor.',
  source: at('global.wgsl'),
  dims,
  buffers: {
    dy: { access: 'read', dtype: 'f32', shape: pairShape },
    text: { access: 'read', dtype: 'f32', shape: textShape },
    dglobal: { access: 'write', dtype: 'f32', shape: globalShape },
  },
  tiles,
  grid: (d, t) => flatGrid(ceilDiv(d.images * d.width, t.WG)),
  cost,
  cases,
  // the sum over classes runs in order
  tolerance: 2e-6,
  reference: backwardReference,
});
