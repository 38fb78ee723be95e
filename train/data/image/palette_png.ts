import { encode } from 'fast-png';
import type { Rgb } from '../datasets/info.ts';
import type { Size } from './raster.ts';

/**
 * A PNG of 8-bit palette indices, as VOC's masks are.
 * @param values (height, width), each a place in the palette.
 * @param palette at most 256 colours.
 * @param level of zlib's compression.
 */
export function encodePalettePng(
  values: Uint8Array,
  { width, height }: Size,
  palette: readonly Rgb[],
  level: 6 | 9 = 6,
): Uint8Array {
  const colours = palette.map((colour) => [...colour]);
  return encode(
    { width, height, data: values, depth: 8, channels: 1, palette: colours },
    { zlib: { level } },
  );
}
