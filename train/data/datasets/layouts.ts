import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { DataError } from '../../../engine/errors.ts';
import { systemCause } from '../../../engine/host/atomic_file.ts';
import { isKind } from '../../../engine/host/path_kind.ts';
import type { RootLayout } from './root.ts';

/** One image of a split and the files that hold it. */
export interface DatasetItem {
  name: string;
  /** Path of the photograph. */
  image: string;
  /** Path of the PNG with a class value for each pixel. */
  mask: string;
}

/** How a benchmark lies on disk. */
export interface Layout extends RootLayout {
  /**
   * The images of a split, in its order.
   * @param root holds the `folders`.
   * @throws DataError where the split is missing, empty or malformed.
   */
  list(root: string, split: string): Promise<DatasetItem[]>;
  /**
   * What to do about a mask that is missing.
   * @param name its file name.
   * @param there the names in the folder that it should be in.
   */
  missingMask(name: string, there: ReadonlySet<string>): string;
}

const augmented = 'trainaug';

/**
 * Pascal VOC. The split `trainaug` adds the images of SBD (Hariharan et al. 2011), whose masks lie in
 * `SegmentationClassAug`; names that `train.txt` also lists keep their original masks.
 */
export const voc: Layout = {
  folders: ['JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'],
  files: 'JPEGImages/NAME.jpg, SegmentationClass/NAME.png, ImageSets/Segmentation/SPLIT.txt',
  async list(root, split) {
    const lists = join(root, 'ImageSets', 'Segmentation');
    const masksOfSbd = join(root, 'SegmentationClassAug');
    if (split === augmented) await requireAugmented(lists, masksOfSbd);
    const original = split === augmented ? new Set(await readNames(lists, 'train')) : null;
    const masks = join(root, 'SegmentationClass');
    return (await readNames(lists, split)).map((name) => {
      const folder = original === null || original.has(name) ? masks : masksOfSbd;
      return itemOf(name, join(root, 'JPEGImages'), join(folder, `${name}.png`));
    });
  },
  missingMask: () =>
    "Complete the data set: VOC's own masks lie in SegmentationClass, mmsegmentation's voc_aug.py writes those of SBD into SegmentationClassAug.",
};

/** Pascal Context, as mmsegmentation's `pascal_context.py` converts it. */
export const pascalContext: Layout = {
  folders: ['JPEGImages', 'SegmentationClassContext', 'ImageSets/SegmentationContext'],
  files:
    "JPEGImages/NAME.jpg and, as mmsegmentation's pascal_context.py writes them, SegmentationClassContext/NAME.png, ImageSets/SegmentationContext/SPLIT.txt",
  async list(root, split) {
    const names = await readNames(join(root, 'ImageSets', 'SegmentationContext'), split);
    const masks = join(root, 'SegmentationClassContext');
    return names.map((name) => itemOf(name, join(root, 'JPEGImages'), join(masks, `${name}.png`)));
  },
  missingMask: () => "mmsegmentation's pascal_context.py writes the masks; run it to its end.",
};

/** How the names of COCO-Stuff's masks end once their values are class ids. */
const converted = '_labelTrainIds.png';

/** COCO-Stuff 164K, every image by name, with masks as mmsegmentation's `coco_stuff164k.py` converts them. */
export const cocoStuff: Layout = {
  folders: ['images', 'annotations'],
  files:
    "images/SPLIT/NAME.jpg and, as mmsegmentation's coco_stuff164k.py writes them, annotations/SPLIT/NAME_labelTrainIds.png, for the splits train2017 and val2017",
  async list(root, split) {
    const images = join(root, 'images', split);
    const masks = join(root, 'annotations', split);
    for (const folder of [images, masks]) {
      if (!isKind(folder, 'folder')) {
        throw new DataError(folder, 'there is no such folder', await splitsIn(join(root, 'images'), ''));
      }
    }
    const names = namesEnding(await readdir(images), '.jpg').sort();
    if (names.length === 0) throw new DataError(images, 'holds no .jpg file', 'Unpack the images there.');
    return names.map((name) => itemOf(name, images, join(masks, `${name}${converted}`)));
  },
  missingMask: (name, there) => {
    const original = name.replace(converted, '.png');
    const reason = there.has(original)
      ? `${original} is there, as COCO-Stuff publishes it, but was not converted: `
      : '';
    return `${reason}mmsegmentation's coco_stuff164k.py writes NAME${converted} beside each NAME.png.`;
  },
};

function itemOf(name: string, images: string, mask: string): DatasetItem {
  return { name, image: join(images, `${name}.jpg`), mask };
}

/** @throws DataError where the list or the masks that SBD adds are missing. */
async function requireAugmented(lists: string, masks: string): Promise<void> {
  const list = `${augmented}.txt`;
  const hint = `The published setting trains on the 10,582 images of ${augmented}: ${list} and the masks in SegmentationClassAug come from SBD (Hariharan et al. 2011); mmsegmentation's voc_aug.py writes both.
--set data.trainSplit=train trains on VOC's own 1,464 images instead.`;
  if (!(await readdir(lists)).includes(list)) {
    throw new DataError(join(lists, list), 'there is no such file', hint);
  }
  if (!isKind(masks, 'folder')) throw new DataError(masks, 'there is no such folder', hint);
}

/** The names in a split's list, one a line; blank lines are skipped. */
async function readNames(folder: string, split: string): Promise<string[]> {
  const file = join(folder, `${split}.txt`);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new DataError(file, systemCause(error), await splitsIn(folder, '.txt'));
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

/** A hint that names the splits of a folder, whose entries have this ending. */
async function splitsIn(folder: string, ending: string): Promise<string> {
  const splits = namesEnding(await readdir(folder), ending).sort();
  return splits.length === 0 ? `${folder} holds no split.` : `Splits there: ${splits.join(', ')}.`;
}

/** The names with this ending, without it. */
function namesEnding(names: readonly string[], ending: string): string[] {
  return names
    .filter((name) => extname(name) === ending)
    .map((name) => name.slice(0, name.length - ending.length));
}
