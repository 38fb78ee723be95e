import { readFile } from 'node:fs/promises';
import { type DecodedPng, decode } from 'fast-png';
import sharp from 'sharp';
import { DataError } from '../../../engine/errors.ts';
import { systemCause } from '../../../engine/host/atomic_file.ts';
import type { Raster } from './raster.ts';

/**
 * Reads a photograph as 8-bit RGB, turned upright by its EXIF orientation, its colour profile ignored: the
 * pixels OpenCV's `imread` gives, but for CMYK, which is converted by another rule. Grey images become RGB,
 * transparency is dropped.
 *
 * @throws DataError where the file is missing, cut short or no image. Lesser damage that the decoder can
 * recover from is accepted, since the published sets hold a few such files.
 */
export async function readImage(file: string): Promise<Raster> {
  const bytes = await readBytes(file);
  try {
    const { data, info } = await sharp(bytes, { ignoreIcc: true, failOn: 'error' })
      .autoOrient()
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: 3, data };
  } catch (error) {
    const cause = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new DataError(file, `cannot be decoded as an image: ${cause}`, restoreHint);
  }
}

/**
 * Reads a mask: the values of a grey or palette PNG of 1, 2, 4 or 8 bits, one byte a pixel. Palette colours
 * play no part.
 *
 * @throws DataError where the file is missing, damaged (every checksum is verified) or of another kind.
 */
export async function readMask(file: string): Promise<Raster> {
  const bytes = await readBytes(file);
  let png: DecodedPng;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (error) {
    throw new DataError(file, `cannot be decoded as a PNG: ${(error as Error).message}`, restoreHint);
  }
  const { width, height, depth, channels } = png;
  if (channels !== 1 || depth === 16) {
    throw new DataError(
      file,
      `has ${channels} channel(s) of ${depth} bits, wanted a grey or palette PNG of at most 8 bits`,
      'Masks hold class numbers, not colours; convert the file with the script that belongs to the data set.',
    );
  }
  if (depth < 8 && bytes[interlaceByte] !== 0) {
    throw new DataError(file, `is interlaced with ${depth} bits a pixel`, 'Save it without interlacing.');
  }
  const data = depth === 8 ? new Uint8Array(png.data) : unpackBits(png.data, width, height, depth);
  return { width, height, channels: 1, data };
}

/** Place of the interlace method in a PNG: the last byte of the header chunk. */
const interlaceByte = 28;

const restoreHint = 'Restore the file from its source, or take its name out of the split.';

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new DataError(file, systemCause(error), restoreHint);
  }
}

/** Spreads values of `depth` bits, most significant first, rows padded to whole bytes, to a byte each. */
function unpackBits(packed: ArrayLike<number>, width: number, height: number, depth: number): Uint8Array {
  const values = new Uint8Array(width * height);
  const perByte = 8 / depth;
  const rowBytes = Math.ceil(width / perByte);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const byte = packed[y * rowBytes + Math.floor(x / perByte)]!;
      const shift = 8 - depth * ((x % perByte) + 1);
      values[y * width + x] = (byte >> shift) & (2 ** depth - 1);
    }
  }
  return values;
}
