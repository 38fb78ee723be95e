import type { Random } from '../../../engine/random.ts';
import { hsvToRgb, rgbToHsv } from './hsv.ts';

/** A map of bytes to bytes. */
type ByteTable = Uint8Array;

/**
 * Photometric distortion of RGB pixels in place (Liu et al. 2016 for SSD, as mmsegmentation's
 * `PhotoMetricDistortion` does it): each with probability 1/2, brightness by -32..32; contrast by a factor 0.5..1.5, before or
 * after the rest by a coin; saturation by a factor 0.5..1.5; hue by -18..17 units of 2 degrees. Each result
 * is cut to 0..255 and truncated to 8 bits.
 */
export function distortColours(random: Random, pixels: Uint8Array): void {
  if (random.chance(0.5)) mapBytes(pixels, linearTable(1, random.uniform(-32, 32)));
  const contrastFirst = random.chance(0.5);
  if (contrastFirst) distortContrast(random, pixels);
  if (random.chance(0.5)) scaleSaturation(pixels, random.uniform(0.5, 1.5));
  if (random.chance(0.5)) turnHue(pixels, random.integer(-18, 18));
  if (!contrastFirst) distortContrast(random, pixels);
}

/** Multiplies the saturation by `factor`, through 8-bit HSV. */
export function scaleSaturation(pixels: Uint8Array, factor: number): void {
  rgbToHsv(pixels);
  mapBytes(pixels, linearTable(factor, 0), 1, 3);
  hsvToRgb(pixels);
}

/** Adds `shift` units of 2 degrees to the hue, through 8-bit HSV. */
export function turnHue(pixels: Uint8Array, shift: number): void {
  rgbToHsv(pixels);
  mapBytes(
    pixels,
    Uint8Array.from({ length: 256 }, (_, hue) => (hue + shift + 180) % 180),
    0,
    3,
  );
  hsvToRgb(pixels);
}

/** Entry v is v * factor + offset in float32, cut to 0..255 and truncated. */
export function linearTable(factor: number, offset: number): ByteTable {
  const { fround } = Math;
  return Uint8Array.from({ length: 256 }, (_, value) => {
    const result = fround(fround(value * fround(factor)) + fround(offset));
    return Math.trunc(Math.max(0, Math.min(result, 255)));
  });
}

function distortContrast(random: Random, pixels: Uint8Array): void {
  if (random.chance(0.5)) mapBytes(pixels, linearTable(random.uniform(0.5, 1.5), 0));
}

function mapBytes(bytes: Uint8Array, table: ByteTable, start = 0, stride = 1): void {
  for (let i = start; i < bytes.length; i += stride) bytes[i] = table[bytes[i]!]!;
}
