import type { Rgb } from './define.ts';

/** The colours of the values 0 .. count - 1 in Pascal VOC's masks, by the rule of its development kit; 0 is black. */
export function vocColourMap(count: number): Rgb[] {
  return Array.from({ length: count }, (_, value) => [
    channel(value),
    channel(value >> 1),
    channel(value >> 2),
  ]);
}

/** Every third bit of the value from the lowest on, highest bit of the channel first. */
function channel(value: number): number {
  let level = 0;
  for (let bit = 0; bit < 8; bit++) level |= ((value >> (3 * bit)) & 1) << (7 - bit);
  return level;
}

/** A colour as `#rrggbb`. */
export function hexColour(colour: Rgb): string {
  return `#${colour.map((level) => level.toString(16).padStart(2, '0')).join('')}`;
}
