import { DataError } from '../../engine/errors.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { shortSideSize } from '../data/image/geometry.ts';
import { imagenetNormalisation } from '../data/image/normalise.ts';
import type { Raster, Size } from '../data/image/raster.ts';
import { resizeNearest } from '../data/image/resize.ts';
import { testImage } from '../data/image/test_image.ts';
import { labelPixels } from '../evaluation/inference.ts';
import type { OpenModel } from '../saved_model.ts';

/** What is asked of a model. */
export interface Segmentation {
  model: OpenModel;
  /** Subtracted from the scores of each class, (C). */
  penalty: Tensor;
  /** A pixel whose best score is not above this is background; null: every pixel is of a class. */
  background: number | null;
}

/**
 * The class of every pixel as evaluation finds it: short side and sliding windows of the run's configuration, scores
 * brought to the picture's size, the best one taken.
 *
 * Where the adapter cannot bind a picture, it is prepared smaller (long panoramas: above 11 megapixels in 128 MiB), or
 * the classes are found at a lower size and each repeated over the nearest pixels (above 33).
 * @param file named in errors.
 * @returns (height, width): 0 for background, k for the k-th class, 1 the first.
 * @throws DataError for a picture that is so long and thin that its short side would be less than a patch.
 */
export async function segment(
  { model, penalty, background }: Segmentation,
  picture: Raster,
  file: string,
): Promise<Uint8Array> {
  const { engine, store, config, text } = model;
  const { eval: settings, model: architecture } = config;
  const values = Math.floor(engine.gpu.device.maxBindingBytes / 4);
  const prepared = fitted(shortSideSize(picture, settings.shortSide), values / 3);
  const { patch } = architecture.vision;
  if (Math.min(prepared.width, prepared.height) < patch) {
    throw new DataError(
      file,
      `is ${picture.width} x ${picture.height} pixels, too long and thin to be segmented`,
      'Cut it into pieces.',
    );
  }
  const { image, height, width } = testImage(picture, prepared, imagenetNormalisation);
  const shown = fitted(picture, values);
  const { labels } = await engine.fetch(() => {
    const input = {
      image: engine.tensor(image, [1, 3, height, width]),
      text,
      penalty,
      crop: settings.crop,
      stride: settings.stride,
    };
    const wanted = { height: shown.height, width: shown.width, backgroundBelow: [background] };
    const [labels] = labelPixels(engine, input, wanted, store, architecture);
    return { labels };
  });
  engine.trim();
  const first = background === null ? 1 : 0;
  const data = Uint8Array.from(labels, (label) => label + first);
  return resizeNearest({ ...shown, channels: 1, data }, picture).data;
}

/** The size itself, or the largest of its shape with at most so many pixels. */
export function fitted({ width, height }: Size, pixels: number): Size {
  if (width * height <= pixels) return { width, height };
  const factor = Math.sqrt(pixels / (width * height));
  return { width: Math.max(1, Math.floor(width * factor)), height: Math.max(1, Math.floor(height * factor)) };
}
