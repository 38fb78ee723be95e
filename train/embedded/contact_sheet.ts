import { encode } from 'fast-png';
import { vocColours } from './label_png.ts';
import { type Scene, voidLabel } from './scenes.ts';

const gap = 2;
const voidColour = [224, 224, 192];

/**
 * A PNG of scenes side by side, each followed by its mask in VOC's colours.
 *
 * @param scenes all `size` pixels wide.
 * @param columns scenes in a row.
 * @param zoom how many pixels wide each pixel is shown.
 */
export function contactSheet(
  scenes: readonly Scene[],
  size: number,
  columns: number,
  zoom: number,
): Uint8Array {
  const tile = { width: 2 * size + gap, height: size + gap };
  const width = columns * tile.width * zoom;
  const height = Math.ceil(scenes.length / columns) * tile.height * zoom;
  const data = new Uint8Array(width * height * 3).fill(255);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const column = Math.floor(x / zoom / tile.width);
      const row = Math.floor(y / zoom / tile.height);
      const scene = scenes[row * columns + column];
      const left = Math.floor(x / zoom) % tile.width;
      const top = Math.floor(y / zoom) % tile.height;
      if (!scene || left >= 2 * size || top >= size) continue;
      const pixel = top * size + (left % size);
      data.set(
        left < size ? scene.rgb.subarray(pixel * 3, pixel * 3 + 3) : maskColour(scene.mask[pixel]),
        to,
      );
    }
  }
  return encode({ width, height, data, depth: 8, channels: 3 });
}

function maskColour(label: number): readonly number[] {
  return label === voidLabel ? voidColour : vocColours[label];
}
