import type { Raster, Size } from './raster.ts';

/** Mean and standard deviation of red, green and blue, in units of 0..255. */
export interface Normalisation {
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
}

/** Of ImageNet, which the published model uses in place of CLIP's own. */
export const imagenetNormalisation: Normalisation = {
  mean: [123.675, 116.28, 103.53],
  std: [58.395, 57.12, 57.375],
};

/**
 * Writes (value - mean) / std of an RGB raster as planes into the top left corner of `target` (3, height,
 * width), whose other elements are left as they are: zero in a fresh array, which is the padding.
 */
export function writePlanes(
  image: Raster,
  { mean, std }: Normalisation,
  target: Float32Array,
  size: Size,
): void {
  for (const channel of [0, 1, 2] as const) {
    const table = Float32Array.from({ length: 256 }, (_, value) => (value - mean[channel]) / std[channel]);
    for (let y = 0; y < image.height; y++) {
      let source = y * image.width * 3 + channel;
      const row = (channel * size.height + y) * size.width;
      for (let i = row; i < row + image.width; i++, source += 3) target[i] = table[image.data[source]!]!;
    }
  }
}
