import { encode } from 'fast-png';
import { voc20 } from '../datasets/voc20.ts';

/** Colours of the values 0 (background) and 1 to 20 (class id + 1) in VOC's masks. */
export const vocColours: readonly (readonly number[])[] = [[0, 0, 0], ...voc20.palette];

/**
 * Writes a mask as VOC does: a PNG of 8-bit palette indices.
 *
 * @param mask (height, width) values 0 to 20.
 */
export function encodeLabels(mask: Uint8Array, width: number, height: number): Uint8Array {
  const palette = vocColours.map((colour) => [...colour]);
  return encode({ width, height, data: mask, depth: 8, channels: 1, palette }, { zlib: { level: 9 } });
}
