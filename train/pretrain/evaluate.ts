import type { Engine } from '../../engine/engine.ts';
import { matmul } from '../../engine/ops/index.ts';
import { Random } from '../../engine/random.ts';
import { type ClipConfig, imageFeatures } from '../../model/clip.ts';
import type { ParameterStore } from '../../model/store.ts';
import { classEmbeddings } from '../../model/text.ts';
import type { Atlas } from '../embedded/atlas.ts';
import { drawScene, type Scene } from '../embedded/scenes.ts';
import { type Crowd, crowdSettings, writeImage } from './batch.ts';
import { type CaptionBook, captionTemplates } from './captions.ts';

/** Keeps held-out scenes apart from those that are trained on, whatever the seed of the training. */
const HELD_OUT_STREAM = 0x68656c64;

/** Shares of right answers among all classes of the atlas, 0..1. */
export interface Accuracy {
  /** Scenes whose class token is nearest to the name of a class that the scene shows. */
  image: number;
  /** Patches, at least half of them of one class, whose embedding is nearest to that class's name. */
  patch: number;
}

/** Scenes with known classes that no training sees: new poses and backgrounds of the same drawings. */
export interface HeldOut {
  size: number;
  scenes: Scene[];
}

/** Draws held-out scenes; the first object goes through the classes in turn. */
export function drawHeldOut(
  atlas: Atlas,
  book: CaptionBook,
  options: { size: number; crowd: Crowd; count: number },
): HeldOut {
  const { size, crowd, count } = options;
  const scenes = Array.from({ length: count }, (_, index) => {
    const pickCell = (random: Random, object: number): number => {
      const cells = book.concepts[object === 0 ? index % book.classes : random.integer(0, book.classes)];
      return cells[random.integer(0, cells.length)];
    };
    const random = new Random(HELD_OUT_STREAM, size, index);
    return drawScene(random, { atlas, size, crowds: crowdSettings[crowd].crowds, pickCell });
  });
  return { size, scenes };
}

/** Zero-shot classification of scenes and of their patches by the names of the classes. */
export async function accuracy(
  engine: Engine,
  store: ParameterStore,
  config: ClipConfig,
  { atlas, book }: { atlas: Atlas; book: CaptionBook },
  { size, scenes }: HeldOut,
  batch: number,
): Promise<Accuracy> {
  const hits = { image: 0, patch: 0, patches: 0 };
  const { patch } = config.vision;
  const { classes } = atlas;
  for (let start = 0; start < scenes.length; start += batch) {
    const some = scenes.slice(start, start + batch);
    const images = new Float32Array(some.length * 3 * size * size);
    some.forEach(({ rgb }, index) => {
      writeImage(rgb, size, images, index);
    });
    const scored = await engine.fetch(() => {
      const own = store.under('text_encoder');
      const b = classEmbeddings(engine, own, config.text, book.vocabulary, captionTemplates, classes);
      const image = engine.tensor(images, [some.length, 3, size, size]);
      const { global, patches } = imageFeatures(engine, image, store.under('backbone'), config.vision);
      return {
        global: matmul({ a: global, b, transposeB: true }),
        patches: matmul({ a: patches, b, transposeB: true }),
      };
    });
    const grid = (size / patch) ** 2;
    const best = (scores: ArrayLike<number>, row: number): number => {
      let found = 0;
      for (let id = 1; id < classes.length; id++) {
        if (scores[row * classes.length + id] > scores[row * classes.length + found]) found = id;
      }
      return found;
    };
    some.forEach(({ mask, objects }, index) => {
      if (objects.some(({ classId }) => classId === best(scored.global, index))) hits.image++;
      patchClasses(mask, size, patch).forEach((id, place) => {
        if (id === null) return;
        hits.patches++;
        if (best(scored.patches, index * grid + place) === id) hits.patch++;
      });
    });
  }
  return { image: hits.image / scenes.length, patch: hits.patch / Math.max(1, hits.patches) };
}

/** The class that covers at least half of each patch; null where there is none. */
export function patchClasses(mask: Uint8Array, size: number, patch: number): (number | null)[] {
  const grid = size / patch;
  return Array.from({ length: grid * grid }, (_, place) => {
    const counts = new Uint32Array(256);
    const corner = Math.floor(place / grid) * patch * size + (place % grid) * patch;
    for (let i = 0; i < patch * patch; i++)
      counts[mask[corner + Math.floor(i / patch) * size + (i % patch)]]++;
    const value = counts.indexOf(Math.max(...counts.subarray(1, 255)), 1);
    return counts[value] * 2 >= patch * patch ? value - 1 : null;
  });
}
