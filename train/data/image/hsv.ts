/**
 * Hue, saturation and value in 8 bits as OpenCV's COLOR_RGB2HSV and COLOR_HSV2RGB have them: hue 0..179 in
 * units of 2 degrees, saturation and value 0..255. Both functions give the bytes of OpenCV 4.14 and 5.0 for
 * every input. For HSV to RGB that is OpenCV's vector code, which truncates; the code it uses for those last
 * pixels of an image that fill no vector rounds instead.
 */

/** OpenCV divides by multiplying with tables of 12 fractional bits. */
const fractionBits = 12;
const saturationFactor = reciprocals(255);
const hueFactor = reciprocals(180 / 6);

/** Converts RGB pixels of three bytes in place. */
export function rgbToHsv(pixels: Uint8Array): void {
  for (let i = 0; i < pixels.length; i += 3) {
    const red = pixels[i]!;
    const green = pixels[i + 1]!;
    const blue = pixels[i + 2]!;
    const value = Math.max(red, green, blue);
    const range = value - Math.min(red, green, blue);
    let turn = red - green + 4 * range;
    if (value === red) turn = green - blue;
    else if (value === green) turn = blue - red + 2 * range;
    const hue = dropFraction(turn * hueFactor[range]!);
    pixels[i] = hue < 0 ? hue + 180 : hue;
    pixels[i + 1] = dropFraction(range * saturationFactor[value]!);
    pixels[i + 2] = value;
  }
}

/** Converts HSV pixels of three bytes in place; hue must be below 180. */
export function hsvToRgb(pixels: Uint8Array): void {
  const { fround } = Math;
  const sectorsPerUnit = fround(6 / 180);
  const perUnit = fround(1 / 255);
  for (let i = 0; i < pixels.length; i += 3) {
    const hue = fround(pixels[i]! * sectorsPerUnit);
    const saturation = fround(pixels[i + 1]! * perUnit);
    const value = fround(pixels[i + 2]! * perUnit);
    const sector = Math.floor(hue);
    const within = fround(hue - sector);
    // 1 - s f is a fused multiply-add: rounded once.
    const high = toByte(value);
    const low = toByte(fround(value * fround(1 - saturation)));
    const falling = toByte(fround(value * fround(1 - saturation * within)));
    const rising = toByte(fround(value * fround(1 - saturation * fround(1 - within))));
    pixels[i] = sector === 0 || sector === 5 ? high : sector === 1 ? falling : sector === 4 ? rising : low;
    pixels[i + 1] =
      sector === 1 || sector === 2 ? high : sector === 3 ? falling : sector === 0 ? rising : low;
    pixels[i + 2] =
      sector === 3 || sector === 4 ? high : sector === 5 ? falling : sector === 2 ? rising : low;
  }
}

/** Entry n is `scale` / n with {@link fractionBits}, entry 0 is 0. */
function reciprocals(scale: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, n) =>
    n === 0 ? 0 : Math.round((scale * 2 ** fractionBits) / n),
  );
}

function dropFraction(value: number): number {
  return (value + 2 ** (fractionBits - 1)) >> fractionBits;
}

function toByte(share: number): number {
  return Math.trunc(Math.fround(share * 255));
}
