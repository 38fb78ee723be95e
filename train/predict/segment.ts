import { DataError } from '../../engine/errors.ts';
import { argmax, resize } from '../../engine/ops/index.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { shortSideSize } from '../image/geometry.ts';
import { imagenetNormalisation } from '../image/normalise.ts';
import type { Raster, Size } from '../image/raster.ts';
import { resizeNearest } from '../image/resize.ts';
import { testImage } from '../image/test_image.ts';
import { slidingScores } from '../inference.ts';
import type { OpenModel } from '../saved_model.ts';

/** Bytes that the scores of all classes may take at a time; 20 classes and 6 megapixels, say. */
const mostScoreBytes = 512 * 2 ** 20;

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
 * Where the scores would not fit into memory, the picture is prepared smaller (long panoramas), or the classes are
 * found at a lower size and each repeated over the nearest pixels (photographs of many megapixels).
 * @param file named in errors.
 * @returns (height, width): 0 for background, k for the k-th class, 1 the first.
 * @throws DataError for a picture that is so long and thin that its short side would be less than a patch.
 */
export async function segment(
  { model, penalty, background }: Segmentation,
  picture: Raster,
  file: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const { engine, store, config, text } = model;
  const { eval: settings, model: architecture } = config;
  const pixels = pixelsThatFit(model);
  const prepared = fitted(shortSideSize(picture, settings.shortSide), pixels);
  const { patch } = architecture.vision;
  if (Math.min(prepared.width, prepared.height) < patch) {
    throw new DataError(
      file,
      `is ${picture.width} x ${picture.height} pixels, too long and thin to be segmented`,
      'Cut it into pieces.',
    );
  }
  const { image, height, width } = testImage(picture, prepared, imagenetNormalisation);
  const shown = fitted(picture, pixels);
  const { labels } = await engine.fetch(() => {
    const input = {
      image: engine.tensor(image, [1, 3, height, width]),
      text,
      penalty,
      crop: settings.crop,
      stride: settings.stride,
    };
    const scores = resize({
      x: slidingScores(engine, input, store, architecture),
      height: shown.height,
      width: shown.width,
    });
    return { labels: argmax({ scores, backgroundBelow: background }) };
  });
  engine.trim();
  const first = background === null ? 1 : 0;
  const values = Uint8Array.from(labels, (label) => label + first);
  const whole = resizeNearest({ ...shown, channels: 1, data: values }, picture);
  return new Uint8Array(whole.data);
}

function pixelsThatFit({ engine, text }: OpenModel): number {
  const bytes = Math.min(mostScoreBytes, engine.gpu.device.maxBindingBytes);
  return Math.floor(bytes / (4 * text.shape[0]));
}

/** The size itself, or the largest of its shape with at most so many pixels. */
export function fitted({ width, height }: Size, pixels: number): Size {
  if (width * height <= pixels) return { width, height };
  const factor = Math.sqrt(pixels / (width * height));
  return { width: Math.max(1, Math.floor(width * factor)), height: Math.max(1, Math.floor(height * factor)) };
}
