import { NO_CONCEPT } from '../../engine/ops/index.ts';
import { Random } from '../../engine/random.ts';
import { imagenetNormalisation, writePlanes } from '../data/image/normalise.ts';
import type { Atlas } from '../embedded/atlas.ts';
import { drawScene, type SceneOptions, segmentationCrowds, singleObject } from '../embedded/scenes.ts';
import type { CaptionBook } from './captions.ts';

/** Keep the streams of pre-training apart from the other uses of the seed. */
const SCENE_STREAM = 0x636c6970;
const CAPTION_STREAM = 0x63617074;

/** How crowded the scenes of a stage are. */
export type Crowd = 'single' | 'several';

interface CrowdSettings {
  crowds: SceneOptions['crowds'];
  /** Objects in a scene at most. */
  objects: number;
  /** Captions of a step per image. */
  captions: number;
}

export const crowdSettings: Readonly<Record<Crowd, CrowdSettings>> = {
  single: { crowds: singleObject, objects: 1, captions: 1 },
  several: { crowds: segmentationCrowds, objects: 3, captions: 2 },
};

/** What decides the batches of a stage besides atlas and captions. */
export interface BatchOptions {
  seed: number;
  /** B, images in a batch. */
  batch: number;
  /** Side of the images in pixels. */
  size: number;
  crowd: Crowd;
  /** Share of the objects that belong to the atlas's classes. */
  classShare: number;
}

/** A batch on the host: images, and what is said about each as a whole. */
export interface HostBatch {
  /** (B, 3, size, size), normalised. */
  images: Float32Array<ArrayBuffer>;
  /** (B, k): the concepts in each image, ascending, each once; unused slots hold NO_CONCEPT. */
  imageConcepts: Uint32Array<ArrayBuffer>;
  /** (m, context): token ids, zeros after the end token. */
  tokens: Uint32Array<ArrayBuffer>;
  /** (m): position of each caption's end token. */
  ends: Uint32Array<ArrayBuffer>;
  /** (m): the concept that each caption names. */
  captionConcepts: Uint32Array<ArrayBuffer>;
}

/**
 * The batch of one step: a pure function of (atlas, options, step). The captions go round the objects of the batch,
 * each drawn from what is said about the object's icon.
 */
export function drawBatch(atlas: Atlas, book: CaptionBook, options: BatchOptions, step: number): HostBatch {
  const { seed, batch, size, crowd, classShare } = options;
  const { crowds, objects } = crowdSettings[crowd];
  const pickCell = (random: Random): number => {
    const concept = random.chance(classShare)
      ? random.integer(0, book.classes)
      : random.integer(book.classes, book.concepts.length);
    const cells = book.concepts[concept];
    return cells[random.integer(0, cells.length)];
  };
  const result = emptyBatch(options, book);
  const seen: number[] = [];
  for (let index = 0; index < batch; index++) {
    const random = new Random(seed, SCENE_STREAM, step, index);
    const scene = drawScene(random, { atlas, size, crowds, pickCell });
    writeImage(scene.rgb, size, result.images, index);
    const cells = scene.objects.map(({ cell }) => cell);
    const concepts = [...new Set(cells.map((cell) => book.conceptOf(cell)))].sort((a, b) => a - b);
    result.imageConcepts.set(concepts, index * objects);
    seen.push(...cells);
  }
  const texts = new Random(seed, CAPTION_STREAM, step);
  for (let row = 0; row < result.ends.length; row++) {
    const cell = seen[row % seen.length];
    const ids = book.drawCaption(texts, cell);
    result.tokens.set(ids, row * book.context);
    result.ends[row] = ids.length - 1;
    result.captionConcepts[row] = book.conceptOf(cell);
  }
  return result;
}

/** Writes a scene's pixels as normalised planes into image `index` of a batch. */
export function writeImage(rgb: Uint8Array, size: number, images: Float32Array, index: number): void {
  const pixels = 3 * size * size;
  const target = images.subarray(index * pixels, (index + 1) * pixels);
  const raster = { width: size, height: size, channels: 3, data: rgb };
  writePlanes(raster, imagenetNormalisation, target, raster);
}

function emptyBatch({ batch, size, crowd }: BatchOptions, { context }: CaptionBook): HostBatch {
  const { objects, captions } = crowdSettings[crowd];
  const rows = batch * captions;
  return {
    images: new Float32Array(batch * 3 * size * size),
    imageConcepts: new Uint32Array(batch * objects).fill(NO_CONCEPT),
    tokens: new Uint32Array(rows * context),
    ends: new Uint32Array(rows),
    captionConcepts: new Uint32Array(rows),
  };
}
