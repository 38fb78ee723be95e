import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import * as z from 'zod';
import { DataError } from '../../engine/errors.ts';
import { readJson } from '../../engine/host/json_file.ts';
import { Random } from '../../engine/random.ts';
import { voc20 } from '../data/datasets/voc20.ts';
import { type Atlas, cellsByClass, loadAtlas } from './atlas.ts';
import { encodeLabels } from './label_png.ts';
import { drawScene, type Scene, segmentationCrowds } from './scenes.ts';

/** To be raised with every change of what is drawn, so that older caches are drawn anew. */
const generatorVersion = 1;

const jpeg = { quality: 95, chromaSubsampling: '4:4:4' };

/** Keeps these streams apart from the other uses of the run's seed. */
const drawingKey = 0x69636f6e;

/** Scenes drawn and written at the same time. */
const concurrency = 16;

const folder = 'VOCdevkit';
const root = join(folder, 'VOC2012');
const manifestFile = 'manifest.json';

const manifestSchema = z.strictObject({
  /** Hash of everything that decides the content. */
  key: z.string(),
  /** Hash of the content. */
  digest: z.string(),
});

type Manifest = z.infer<typeof manifestSchema>;

/** `train` shows only classes seen in zero-shot training, the other splits show all 20. */
export type EmbeddedSplit = 'train' | 'val' | 'tune';

/** Each split's part of the random key, so that no two draw the same scenes. */
const splitKeys: Readonly<Record<EmbeddedSplit, number>> = { train: 1, val: 2, tune: 3 };

export interface EmbeddedVocOptions {
  seed: number;
  /** Side of the scenes in pixels. */
  size: number;
  /** Scenes for training, of seen classes only. */
  trainCount: number;
  /** Scenes for evaluation. */
  valCount: number;
  /** Scenes for choosing hyper-parameters, so that `val` stays untouched. */
  tuneCount: number;
  /** Where the drawings come from; by default the atlas of the project. */
  atlas?: Atlas;
}

/** Numbers of scenes of the embedded default. */
export const defaultCounts = { trainCount: 1500, valCount: 300, tuneCount: 300 };

/**
 * Makes sure that `cacheDir/VOCdevkit/VOC2012` holds the miniature of Pascal VOC for these options, and
 * returns that folder. What is there is kept when it is complete and unchanged; otherwise everything is drawn
 * into a temporary folder that then takes its place, so that no reader ever sees half a data set.
 *
 * @throws DataError when there is a `VOCdevkit` folder that was not drawn by this function.
 */
export async function ensureEmbeddedVoc(cacheDir: string, options: EmbeddedVocOptions): Promise<string> {
  const atlas = options.atlas ?? loadAtlas();
  const key = contentKey(atlas, options);
  const target = join(cacheDir, folder);
  if (await isCurrent(target, key)) return join(cacheDir, root);
  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(cacheDir, '.drawing-'));
  try {
    await drawTree(join(work, root), atlas, options);
    const manifest: Manifest = { key, digest: await digestTree(join(work, folder)) };
    await writeFile(join(work, folder, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
    await swap(join(work, folder), target, join(work, 'old'), key);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return join(cacheDir, root);
}

function contentKey(atlas: Atlas, options: EmbeddedVocOptions): string {
  const { seed, size, trainCount, valCount, tuneCount } = options;
  const hash = createHash('sha256');
  for (const source of atlas.sources) hash.update(source);
  const encoder = sharp.versions.sharp;
  hash.update(
    JSON.stringify({ generatorVersion, encoder, jpeg, seed, size, trainCount, valCount, tuneCount }),
  );
  return hash.digest('hex');
}

/** Whether `target` holds exactly what was drawn for `key`. */
async function isCurrent(target: string, key: string): Promise<boolean> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new DataError(target, `cannot be read (${error.message})`);
  });
  if (names === null) return false;
  if (!names.includes(manifestFile)) {
    throw new DataError(
      target,
      `is in the way: it has no ${manifestFile}, so it is not a cache of the embedded data set`,
      'Choose another folder for the embedded data, or move this one away.',
    );
  }
  const manifest = readManifest(join(target, manifestFile));
  return manifest?.key === key && manifest.digest === (await digestTree(target));
}

/** A manifest, or null when it is damaged: then all is drawn anew. */
function readManifest(file: string): Manifest | null {
  try {
    return readJson(file, manifestSchema);
  } catch (error) {
    if (error instanceof DataError) return null;
    throw error;
  }
}

/** Hash of the names and bytes of all files below `directory` except the manifest. */
async function digestTree(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name !== manifestFile)
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash('sha256');
  for (const file of files) {
    const bytes = readFileSync(file); // synchronous for the same reason as in writeScene
    hash.update(`${file.slice(directory.length)} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}

async function drawTree(tree: string, atlas: Atlas, options: EmbeddedVocOptions): Promise<void> {
  const lists = join(tree, 'ImageSets', 'Segmentation');
  for (const directory of [lists, join(tree, 'JPEGImages'), join(tree, 'SegmentationClass')]) {
    await mkdir(directory, { recursive: true });
  }
  const counts = { train: options.trainCount, val: options.valCount, tune: options.tuneCount };
  for (const [split, count] of Object.entries(counts) as [EmbeddedSplit, number][]) {
    const draw = splitScenes(atlas, options, split);
    const names = Array.from({ length: count }, (_, index) => `${split}_${String(index).padStart(5, '0')}`);
    for (let start = 0; start < names.length; start += concurrency) {
      const batch = names.slice(start, start + concurrency);
      await Promise.all(
        batch.map((name, offset) => writeScene(tree, name, draw(start + offset), options.size)),
      );
    }
    await writeFile(join(lists, `${split}.txt`), names.map((name) => `${name}\n`).join(''));
  }
}

/**
 * Returns the function that draws scene number `index` of a split. The first object goes through the classes
 * in turn, so that every class is equally frequent; the others are drawn evenly from all classes of the split.
 */
export function splitScenes(
  atlas: Atlas,
  { seed, size }: Pick<EmbeddedVocOptions, 'seed' | 'size'>,
  split: EmbeddedSplit,
): (index: number) => Scene {
  const groups = cellsByClass(atlas).filter(
    (cells, id) => cells.length > 0 && (split !== 'train' || voc20.seen.includes(id)),
  );
  return (index) => {
    const pickCell = (random: Random, object: number) => {
      const group = groups[object === 0 ? index % groups.length : random.integer(0, groups.length)];
      return group[random.integer(0, group.length)];
    };
    const random = new Random(seed, drawingKey, splitKeys[split], index);
    return drawScene(random, { atlas, size, crowds: segmentationCrowds, pickCell });
  };
}

async function writeScene(tree: string, name: string, scene: Scene, size: number): Promise<void> {
  const photograph = sharp(scene.rgb, { raw: { width: size, height: size, channels: 3 } }).jpeg(jpeg);
  const labels = encodeLabels(scene.mask, size, size);
  // Synchronous, since a promise for each of thousands of small files costs more than the writing.
  writeFileSync(join(tree, 'SegmentationClass', `${name}.png`), labels);
  writeFileSync(join(tree, 'JPEGImages', `${name}.jpg`), await photograph.toBuffer());
}

/** How often a folder that others put in place at the same moment is looked at again. */
const SWAPS = 10;

/** Puts a finished folder in place of `target`, unless another process has done so in the meantime. */
async function swap(finished: string, target: string, old: string, key: string): Promise<void> {
  for (let attempt = 1; !(await isCurrent(target, key)); attempt++) {
    await rename(target, `${old}-${attempt}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    try {
      await rename(finished, target);
      return;
    } catch (error) {
      // another came first; a third may already have moved that aside
      if (attempt === SWAPS) throw error;
    }
  }
}
