import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { encode } from 'fast-png';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { datasetInfo } from '../../../train/data/datasets/info.ts';
import { readImage, readMask } from '../../../train/data/image/decode.ts';
import { readItem } from '../../../train/data/labelled_image.ts';
import { problemOf, temporaryFolder, writeMask, writePhotograph } from './support.ts';

const test = suite('data_files');
const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const size = { width: 10, height: 8 };

/** A PNG chunk with its checksum. The PNGs of small bit depths are built here because fast-png writes none. */
function chunk(type: string, body: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type), body]);
  let crc = 0xffffffff;
  for (const byte of typed) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(body.length, 0);
  ends.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 4);
  return Buffer.concat([ends.subarray(0, 4), typed, ends.subarray(4)]);
}

interface PngParts {
  width: number;
  depth: number;
  /** 0 grey, 3 palette. */
  colour: number;
  interlaced?: boolean;
  /** Packed rows, without filter bytes. */
  rows: number[][];
}

function png({ width, depth, colour, interlaced = false, rows }: PngParts): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(rows.length, 4);
  header.set([depth, colour, 0, 0, interlaced ? 1 : 0], 8);
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    ...(colour === 3 ? [chunk('PLTE', new Uint8Array(3 * 2 ** depth))] : []),
    chunk('IDAT', deflateSync(Buffer.from(rows.flatMap((row) => [0, ...row])))),
    chunk('IEND', new Uint8Array()),
  ]);
}

async function readBytes(bytes: Uint8Array): Promise<number[]> {
  writeFileSync(at('bytes.png'), bytes);
  return [...(await readMask(at('bytes.png'))).data];
}

test('masks of 8 bits, grey and palette', async () => {
  const rows = [
    [0, 1, 255],
    [20, 3, 4],
  ];
  assert.equal(await readBytes(png({ width: 3, depth: 8, colour: 0, rows })), rows.flat());
  assert.equal(await readBytes(png({ width: 3, depth: 8, colour: 3, rows })), rows.flat());
});

test('masks of 1, 2 and 4 bits are unpacked, each row from a whole byte on', async () => {
  for (const colour of [0, 3]) {
    const one = png({ width: 9, depth: 1, colour, rows: [[0b10110001, 0b10000000]] });
    assert.equal(await readBytes(one), [1, 0, 1, 1, 0, 0, 0, 1, 1]);
    const two = png({
      width: 5,
      depth: 2,
      colour,
      rows: [
        [0b00011011, 0b10000000],
        [0b11100100, 0b01000000],
      ],
    });
    assert.equal(await readBytes(two), [0, 1, 2, 3, 2, 3, 2, 1, 0, 1]);
    const four = png({ width: 3, depth: 4, colour, rows: [[0x5a, 0xf0]] });
    assert.equal(await readBytes(four), [5, 10, 15]);
  }
});

test('images: a grey JPEG becomes RGB, EXIF orientation turns it upright', async () => {
  const raw = { raw: { width: 2, height: 1, channels: 1 as const } };
  await sharp(Buffer.of(90, 90), raw)
    .toColourspace('b-w')
    .jpeg({ quality: 100 })
    .withMetadata({ orientation: 6 })
    .toFile(at('grey.jpg'));
  const image = await readImage(at('grey.jpg'));
  assert.equal([image.width, image.height, image.channels], [1, 2, 3]);
  assert.equal([...image.data], [90, 90, 90, 90, 90, 90]);
});

test('images: pixels of a lossless file are untouched', async () => {
  const pixels = Buffer.from([1, 2, 3, 250, 251, 252]);
  await sharp(pixels, { raw: { width: 2, height: 1, channels: 3 } })
    .png()
    .toFile(at('exact.png'));
  assert.equal([...(await readImage(at('exact.png'))).data], [...pixels]);
});

test('a missing image and a missing mask', async () => {
  assert.match(
    await problemOf(at('none.jpg'), () => readImage(at('none.jpg'))),
    /^no such file or folder \(ENOENT\)$/,
  );
  assert.match(await problemOf(at('none.png'), () => readMask(at('none.png'))), /^no such file or folder/);
});

test('a truncated JPEG, cut in the middle or by its last bytes', async () => {
  await writePhotograph(at('whole.jpg'), { width: 60, height: 50 });
  const bytes = readFileSync(at('whole.jpg'));
  for (const length of [bytes.length >> 1, bytes.length - 2]) {
    writeFileSync(at('cut.jpg'), bytes.subarray(0, length));
    const problem = await problemOf(at('cut.jpg'), () => readImage(at('cut.jpg')));
    assert.match(problem, /^cannot be decoded as an image: .*premature end/);
  }
});

test('an image that is none', async () => {
  writeFileSync(at('text.jpg'), 'hello');
  const problem = await problemOf(at('text.jpg'), () => readImage(at('text.jpg')));
  assert.match(problem, /cannot be decoded as an image: .*unsupported image format/);
  writeFileSync(at('empty.jpg'), '');
  assert.match(await problemOf(at('empty.jpg'), () => readImage(at('empty.jpg'))), /decoded as an image/);
});

test('every single flipped bit of a PNG after its signature is found', async () => {
  writeMask(at('good.png'), size);
  const bytes = readFileSync(at('good.png'));
  for (let byte = 8; byte < bytes.length; byte++) {
    const flipped = Buffer.from(bytes);
    flipped[byte]! ^= 1 << (byte % 8);
    writeFileSync(at('flipped.png'), flipped);
    const problem = await problemOf(at('flipped.png'), () => readMask(at('flipped.png')));
    assert.match(problem, /^cannot be decoded as a PNG: /, `byte ${byte}`);
  }
});

test('a flipped bit in the checksum is named as such', async () => {
  const bytes = png({ width: 2, depth: 8, colour: 0, rows: [[1, 2]] });
  bytes[bytes.length - 13]! ^= 1;
  writeFileSync(at('crc.png'), bytes);
  const problem = await problemOf(at('crc.png'), () => readMask(at('crc.png')));
  assert.match(problem, /^cannot be decoded as a PNG: CRC mismatch for chunk IDAT/);
});

test('a truncated PNG', async () => {
  const bytes = readFileSync(at('good.png'));
  writeFileSync(at('cut.png'), bytes.subarray(0, bytes.length - 20));
  assert.match(await problemOf(at('cut.png'), () => readMask(at('cut.png'))), /^cannot be decoded as a PNG/);
});

test('masks in colour, of 16 bits, or interlaced with few bits', async () => {
  const colours = encode({ ...size, data: new Uint8Array(240), channels: 3, depth: 8 });
  writeFileSync(at('colour.png'), colours);
  assert.match(
    await problemOf(at('colour.png'), () => readMask(at('colour.png'))),
    /^has 3 channel\(s\) of 8 bits, wanted a grey or palette PNG/,
  );
  writeFileSync(at('deep.png'), encode({ ...size, data: new Uint16Array(80), channels: 1, depth: 16 }));
  assert.match(await problemOf(at('deep.png'), () => readMask(at('deep.png'))), /1 channel\(s\) of 16 bits/);
  const interlaced = png({ width: 1, depth: 4, colour: 3, interlaced: true, rows: [[0x50]] });
  writeFileSync(at('interlaced.png'), interlaced);
  assert.match(
    await problemOf(at('interlaced.png'), () => readMask(at('interlaced.png'))),
    /^is interlaced with 4 bits a pixel$/,
  );
});

const item = { name: 'pair', image: at('pair.jpg'), mask: at('pair.png') };

test('a mask of another size than its image', async () => {
  await writePhotograph(item.image, size);
  writeMask(item.mask, { width: 8, height: 10 });
  const problem = await problemOf(item.mask, () => readItem(datasetInfo('voc20'), item));
  assert.is(problem, `is 8 x 10 pixels, wanted 10 x 8 as ${item.image}`);
});

test('a mask value out of range: place, value found and values wanted', async () => {
  await writePhotograph(item.image, size);
  writeMask(item.mask, size, (x, y) => (x === 4 && y === 7 ? 21 : x === 9 ? 255 : 20));
  const problem = await problemOf(item.mask, () => readItem(datasetInfo('voc20'), item));
  assert.is(problem, 'value 21 at row 7, column 4, wanted 0..20 or 255');
  writeMask(item.mask, size, () => 171);
  const coco = await problemOf(item.mask, () => readItem(datasetInfo('coco171'), item));
  assert.is(coco, 'value 171 at row 0, column 0, wanted 0..170 or 255');
});

test('photographs of 16 bits are read by their upper byte; transparency is dropped', async () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, i) => (i * 41) % 256);
  const deep = Uint16Array.from(bytes, (value) => value * 256 + 77);
  const shape = { width: 5, height: 2 };
  writeFileSync(at('deep_photo.png'), encode({ ...shape, data: deep, channels: 4, depth: 16 }));
  const { data, channels, ...found } = await readImage(at('deep_photo.png'));
  assert.equal([found.width, found.height, channels], [5, 2, 3]);
  assert.equal([...data], [...bytes.filter((_, i) => i % 4 < 3)]);
});

test.run();
