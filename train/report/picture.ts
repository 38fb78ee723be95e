import sharp from 'sharp';
import type { Picture } from '../evaluation/overlay.ts';

/** Longer sides are shrunk to this many pixels, so that the page stays small. */
export const longestSide = 224;

/** The size that a picture has on the page. */
export function shownSize(height: number, width: number): { height: number; width: number } {
  const factor = Math.min(1, longestSide / Math.max(height, width));
  return { height: Math.max(1, Math.round(height * factor)), width: Math.max(1, Math.round(width * factor)) };
}

/** A picture as `data:` URI of a PNG. */
export async function pngUri({ width, height, data }: Picture): Promise<string> {
  const shown = shownSize(height, width);
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize({ ...shown, fit: 'fill' })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}

/** Dark violet to yellow, evenly rising in lightness: readable in grey and with any colour vision. */
const anchors = [
  [68, 1, 84],
  [65, 68, 135],
  [42, 120, 142],
  [34, 168, 132],
  [122, 209, 81],
  [253, 231, 37],
];

/** The colour scale from low to high, for a legend. */
export const scaleColours: readonly string[] = anchors.map((rgb) => `rgb(${rgb.join(' ')})`);

/** Values in 0..1 as colours. */
export function colourMap(values: ArrayLike<number>, height: number, width: number): Picture {
  const data = new Uint8Array(height * width * 3);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const place = Math.min(1, Math.max(0, values[pixel]!)) * (anchors.length - 1);
    const below = Math.min(anchors.length - 2, Math.floor(place));
    for (let channel = 0; channel < 3; channel++) {
      const from = anchors[below]![channel]!;
      const to = anchors[below + 1]![channel]!;
      data[pixel * 3 + channel] = Math.round(from + (to - from) * (place - below));
    }
  }
  return { width, height, data };
}
