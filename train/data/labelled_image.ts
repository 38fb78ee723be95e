import { DataError } from '../../engine/errors.ts';
import type { DatasetItem } from './datasets/dataset.ts';
import type { DatasetInfo } from './datasets/define.ts';
import { readImage, readMask } from './image/decode.ts';
import type { Raster } from './image/raster.ts';
import { ignoredLabel } from './labels.ts';

/** A decoded image of a dataset. */
export interface LabelledImage {
  /** RGB. */
  image: Raster;
  /** Values as in the mask file, all checked to be valid. */
  mask: Raster;
}

/**
 * Decodes and checks an item.
 * @throws DataError where a file is missing or damaged, sizes differ or a mask value is no class.
 */
export async function readItem(info: DatasetInfo, item: DatasetItem): Promise<LabelledImage> {
  const image = await readImage(item.image);
  const mask = await readMask(item.mask);
  if (mask.width !== image.width || mask.height !== image.height) {
    throw new DataError(
      item.mask,
      `is ${mask.width} x ${mask.height} pixels, wanted ${image.width} x ${image.height} as ${item.image}`,
      'An image and its mask must have the same size.',
    );
  }
  checkValues(info, mask, item.mask);
  return { image, mask };
}

function checkValues({ title, classes, firstClassValue }: DatasetInfo, mask: Raster, file: string): void {
  const last = classes.length - 1 + firstClassValue;
  const wrong = mask.data.findIndex((value) => value > last && value !== ignoredLabel);
  if (wrong < 0) return;
  const row = Math.floor(wrong / mask.width);
  throw new DataError(
    file,
    `value ${mask.data[wrong]} at row ${row}, column ${wrong % mask.width}, wanted 0..${last} or ${ignoredLabel}`,
    `Masks of ${title} code ${classes.length} classes${firstClassValue === 1 ? ' from 1, 0 is background' : ' from 0'}.`,
  );
}
