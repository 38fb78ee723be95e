import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { DataError } from '../../../engine/errors.ts';
import type { AugmentOptions } from '../../../train/data/image/augment.ts';
import type { Raster, Size } from '../../../train/data/image/raster.ts';
import { rejectionOf } from '../../support/error_of.ts';
import { goldenPath } from '../../support/paths.ts';

/** Reads a fixture of `test/golden/data`. */
export function readFixture<Type>(name: string): Type {
  return JSON.parse(readFileSync(goldenPath(`data/${name}`), 'utf8'));
}

export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

export function raster({ width, height }: Size, channels: number, data: Iterable<number>): Raster {
  return { width, height, channels, data: Uint8Array.from(data) };
}

/** A new folder that is removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'data-test-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A smooth photograph that differs with `index`. */
export async function writePhotograph(file: string, { width, height }: Size, index = 0): Promise<void> {
  const pixels = new Uint8Array(width * height * 3).map(
    (_, i) => 128 + 100 * Math.sin(i * 0.02 * (index + 1)) + (i % 3) * 9,
  );
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 92 })
    .toFile(file);
}

/** A mask whose values are given by a function of the pixel. */
export function writeMask(
  file: string,
  { width, height }: Size,
  value: (x: number, y: number) => number = (x, y) => (x < width / 2 ? 0 : y < height / 2 ? 3 : 16),
): void {
  const data = Uint8Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)));
  writeFileSync(file, encode({ width, height, data, channels: 1, depth: 8 }));
}

/** A VOC tree in a new folder: images `a0`, `a1`, ... of differing sizes, all in the split `train`. */
export async function writeVocTree(count: number): Promise<string> {
  const root = temporaryFolder();
  for (const folder of ['JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const names = Array.from({ length: count }, (_, index) => `a${index}`);
  for (const [index, name] of names.entries()) {
    const size = { width: 40 + 3 * index, height: 33 + 2 * (index % 5) };
    await writePhotograph(join(root, 'JPEGImages', `${name}.jpg`), size, index);
    writeMask(join(root, 'SegmentationClass', `${name}.png`), size);
  }
  writeSplit(root, 'train', names);
  return root;
}

export function writeSplit(root: string, split: string, lines: string[]): void {
  writeFileSync(join(root, 'ImageSets', 'Segmentation', `${split}.txt`), `${lines.join('\n')}\n`);
}

/** The pipeline at the size of these trees. */
export const smallAugment: AugmentOptions = {
  scale: [128, 32],
  ratio: [0.5, 2],
  crop: [32, 32],
  catMaxRatio: 0.75,
  flip: 0.5,
  photometric: true,
};

/** What the DataError of an action says about `file`; it must name the file and hold a hint. */
export async function problemOf(file: string, action: () => Promise<unknown>): Promise<string> {
  const error = await rejectionOf(DataError, action);
  assert.is(error.file, file);
  assert.ok(error.message.startsWith(`${file}: `), error.message);
  assert.ok(error.hint.length > 0, 'a hint says what to do');
  return error.message.slice(file.length + 2);
}
