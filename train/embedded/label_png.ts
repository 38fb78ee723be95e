import { vocColourMap } from '../data/datasets/colour_map.ts';
import type { Rgb } from '../data/datasets/info.ts';
import { encodePalettePng } from '../data/image/palette_png.ts';

/** Colours of the values 0 (background) and 1 to 20 (class id + 1) in VOC's masks. */
export const vocColours: readonly Rgb[] = vocColourMap(21);

/**
 * Writes a mask as VOC does: a PNG of 8-bit palette indices.
 *
 * @param mask (height, width) values 0 to 20.
 */
export function encodeLabels(mask: Uint8Array, width: number, height: number): Uint8Array {
  return encodePalettePng(mask, { width, height }, vocColours, 9);
}
