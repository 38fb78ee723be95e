import { type Normalisation, writePlanes } from './normalise.ts';
import type { Raster, Size } from './raster.ts';
import { resizeLinear } from './resize.ts';

/** An image as inference takes it. */
export interface TestImage extends Size {
  /** (3, height, width), normalised RGB. */
  image: Float32Array<ArrayBuffer>;
}

/** Resizes an RGB image to `size` and normalises it. */
export function testImage(image: Raster, size: Size, normalisation: Normalisation): TestImage {
  const planes = new Float32Array(3 * size.height * size.width);
  writePlanes(resizeLinear(image, size), normalisation, planes, size);
  return { image: planes, ...size };
}
