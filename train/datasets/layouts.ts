import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { systemCause } from '../../engine/atomic_file.ts';
import { DataError } from '../../engine/errors.ts';

/** One image of a split and the files that hold it. */
export interface DatasetItem {
  name: string;
  /** Path of the photograph. */
  image: string;
  /** Path of the PNG with a class value for each pixel. */
  mask: string;
}

/**
 * Pascal VOC: `ImageSets/Segmentation/SPLIT.txt` names images `JPEGImages/NAME.jpg` and masks
 * `SegmentationClass/NAME.png`. The split `trainaug` adds the images of SBD (Hariharan et al. 2011), whose
 * masks lie in `SegmentationClassAug`; names that `train.txt` also lists keep their original masks.
 */
export async function listVoc(root: string, split: string): Promise<DatasetItem[]> {
  const lists = join(root, 'ImageSets', 'Segmentation');
  const original = split === 'trainaug' ? new Set(await readNames(lists, 'train')) : null;
  const names = await readNames(lists, split);
  return names.map((name) => {
    const masks = original === null || original.has(name) ? 'SegmentationClass' : 'SegmentationClassAug';
    return itemOf(name, join(root, 'JPEGImages'), join(root, masks, `${name}.png`));
  });
}

/** Pascal Context: as VOC, with `ImageSets/SegmentationContext` and `SegmentationClassContext`. */
export async function listContext(root: string, split: string): Promise<DatasetItem[]> {
  const names = await readNames(join(root, 'ImageSets', 'SegmentationContext'), split);
  const masks = join(root, 'SegmentationClassContext');
  return names.map((name) => itemOf(name, join(root, 'JPEGImages'), join(masks, `${name}.png`)));
}

/**
 * COCO-Stuff 164K: every `images/SPLIT/NAME.jpg`, by name, with `annotations/SPLIT/NAME_labelTrainIds.png`;
 * splits are `train2017` and `val2017`.
 */
export async function listCocoStuff(root: string, split: string): Promise<DatasetItem[]> {
  const images = join(root, 'images', split);
  const names = (await listFiles(images, '.jpg')).sort();
  if (names.length === 0) throw new DataError(images, 'holds no .jpg file', 'Unpack the images there.');
  const masks = join(root, 'annotations', split);
  return names.map((name) => itemOf(name, images, join(masks, `${name}_labelTrainIds.png`)));
}

function itemOf(name: string, images: string, mask: string): DatasetItem {
  return { name, image: join(images, `${name}.jpg`), mask };
}

/** The names in a split's list, one a line; blank lines are skipped. */
async function readNames(folder: string, split: string): Promise<string[]> {
  const file = join(folder, `${split}.txt`);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const splits = await listFiles(folder, '.txt').catch(() => []);
    const hint = splits.length === 0 ? `${folder} holds no split.` : `Splits there: ${splits.join(', ')}.`;
    throw new DataError(file, systemCause(error), hint);
  }
  const names: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const name = line.trim();
    if (/\s/.test(name)) {
      throw new DataError(file, `line ${index + 1} is '${name}', wanted one image name`, nameHint);
    }
    if (name !== '') names.push(name);
  }
  if (names.length === 0) throw new DataError(file, 'lists no image', nameHint);
  return names;
}

const nameHint = 'A split lists one image a line, by its file name without folder and ending.';

/** The files in a folder with this ending, without it. */
async function listFiles(folder: string, ending: string): Promise<string[]> {
  try {
    const files = await readdir(folder);
    return files.filter((file) => extname(file) === ending).map((file) => file.slice(0, -ending.length));
  } catch (error) {
    throw new DataError(
      folder,
      systemCause(error),
      'Unpack the data set as its authors do, or correct the split.',
    );
  }
}
