import type { Random } from '../../../engine/random.ts';
import { ignoredLabel, type LabelTable, mapLabels } from '../labels.ts';
import { cutOut, fitSize, randomCrop } from './geometry.ts';
import { type Normalisation, writePlanes } from './normalise.ts';
import { distortColours } from './photometric.ts';
import { type Raster, wholeOf } from './raster.ts';
import { resizeLinear, resizeNearest } from './resize.ts';

/** How training samples are varied: mmsegmentation's pipeline, with the release's values in brackets. */
export interface AugmentOptions {
  /** Sides [long, short] that an image is fitted to before the random factor [2048, 512]. */
  scale: readonly [number, number];
  /** Least and most random factor on `scale` [0.5, 2]. */
  ratio: readonly [number, number];
  /** Height and width of a sample [512, 512]; a smaller image is padded at its right and bottom. */
  crop: readonly [number, number];
  /** A crop is redrawn while one class has at least this share of it [0.75]; 1 never redraws. */
  catMaxRatio: number;
  /** Probability of a mirrored sample [0.5]. */
  flip: number;
  /** Whether colours are distorted [true]. */
  photometric: boolean;
}

/** Where a sample goes: image (3, H, W) of zeros and labels (H, W), H and W as in {@link AugmentOptions.crop}. */
export interface SampleTarget {
  image: Float32Array;
  labels: Int32Array;
}

/**
 * One training sample of an RGB image and its class ids: random scale, crop, mirror and colours, normalised,
 * padded with 0 and {@link ignoredLabel}. Bilinear for the image, nearest for the labels. Equal states of
 * `random` give equal samples.
 *
 * @param table What a class id becomes in the sample; the crop is chosen by the ids before.
 */
export function augment(
  random: Random,
  image: Raster,
  labels: Raster,
  options: AugmentOptions,
  normalisation: Normalisation,
  table: LabelTable,
  target: SampleTarget,
): void {
  const ratio = random.uniform(...options.ratio);
  const [long, short] = options.scale;
  const size = fitSize(image, [Math.trunc(long * ratio), Math.trunc(short * ratio)]);
  const scaledLabels = resizeNearest(labels, size);
  const window = randomCrop(random, scaledLabels, options.crop, options.catMaxRatio, ignoredLabel);
  const mirrored = random.chance(options.flip);
  const crop = resizeLinear(image, size, window);
  const pixels = mirrored ? cutOut(crop, wholeOf(crop), true) : crop;
  if (options.photometric) distortColours(random, pixels.data);
  const [height, width] = options.crop;
  writePlanes(pixels, normalisation, target.image, { width, height });
  writeLabels(cutOut(scaledLabels, window, mirrored), table, target.labels, width);
}

/** Writes the mapped labels into the top left corner of `target`, rows of `width`, and pads it. */
function writeLabels(labels: Raster, table: LabelTable, target: Int32Array, width: number): void {
  target.fill(ignoredLabel);
  for (let y = 0; y < labels.height; y++) {
    const row = labels.data.subarray(y * labels.width, (y + 1) * labels.width);
    mapLabels(row, table, target.subarray(y * width, y * width + labels.width));
  }
}
