import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError, UserError } from '../../../engine/errors.ts';
import { voc20 } from '../../../train/data/datasets/voc20.ts';
import { cellsByClass, cellsByOtherIcon, loadAtlas } from '../../../train/embedded/atlas.ts';
import { buildAtlas, buildStyleAtlas } from '../../../train/embedded/atlas_builder.ts';
import { otherIcons } from '../../../train/embedded/other_icons.ts';
import { paintedTables } from '../../../train/embedded/tables.ts';
import { vocIcons } from '../../../train/embedded/voc_icons.ts';
import { projectPath } from '../../support/paths.ts';

const test = suite('embedded_atlas');
const png = projectPath('train/embedded/icons.png');
const json = projectPath('train/embedded/icons.json');
const directory = mkdtempSync(join(tmpdir(), 'embedded-atlas-'));
test.after(() => rmSync(directory, { recursive: true }));

const thrownBy = (act: () => unknown): Error => {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

test('the committed atlas has the VOC classes in their order, each with two icons or more', () => {
  const atlas = loadAtlas();
  assert.equal(atlas.classes, [...voc20.classes]);
  const sizes = cellsByClass(atlas).map((cells) => cells.length);
  assert.equal(sizes.length, 20);
  assert.ok(Math.min(...sizes) >= 2, sizes.join(' '));
  const others = cellsByOtherIcon(atlas);
  assert.ok(others.length >= 150, `${others.length}`);
  assert.ok(others.every((cells) => cells.length === 2));
  const total = [...sizes, ...others.map((cells) => cells.length)].reduce((sum, size) => sum + size, 0);
  assert.is(total, atlas.cells.length);
  assert.equal([...new Set(atlas.cells.map((cell) => cell.set))], ['noto', 'fluent-emoji-flat', 'own']);
});

test('image and index together take at most 1 MB', () => {
  const bytes = statSync(png).size + statSync(json).size;
  assert.ok(bytes <= 1_000_000, `${bytes} bytes`);
});

test('every cell shows something that touches two opposite sides of the cell', () => {
  const { pixels, cells, cellSize } = loadAtlas();
  for (const [index, cell] of cells.entries()) {
    const start = index * cellSize * cellSize * 4;
    const opaque = (x: number, y: number) => pixels[start + (y * cellSize + x) * 4 + 3] > 0;
    const side = Array.from({ length: cellSize }, (_, i) => i);
    const anyAt = (at: (i: number) => boolean) => side.some(at);
    const last = cellSize - 1;
    const wide =
      anyAt((y) => opaque(0, y) || opaque(1, y)) && anyAt((y) => opaque(last, y) || opaque(last - 1, y));
    const high =
      anyAt((x) => opaque(x, 0) || opaque(x, 1)) && anyAt((x) => opaque(x, last) || opaque(x, last - 1));
    assert.ok(wide || high, `${cell.set} ${cell.icon}`);
  }
});

test('captions hold the class name for VOC icons and no VOC class name for the others', () => {
  const names = new Set(Object.values(vocIcons).flatMap((entry) => entry.names));
  for (const cell of loadAtlas().cells) {
    assert.is(new Set(cell.captions).size, cell.captions.length, cell.icon);
    assert.ok(
      cell.captions.every((caption) => /^[a-z][a-z ]*$/.test(caption.replace('t shirt', 'shirt'))),
      cell.icon,
    );
    if (cell.class === null) {
      assert.not.ok(
        cell.captions.some((caption) => names.has(caption)),
        cell.icon,
      );
    } else {
      assert.ok(cell.captions.includes(cell.class), cell.icon);
    }
  }
});

test('the index is what the icon names and tables say', async () => {
  const cells = loadAtlas().cells;
  const expected = new Set([
    ...Object.values(vocIcons).flatMap((entry) => Object.keys(entry.icons)),
    ...Object.keys(otherIcons),
  ]);
  assert.equal(new Set(cells.map((cell) => cell.icon)), expected);
  assert.equal(
    cells.filter((cell) => cell.set === 'own').map((cell) => cell.icon),
    Object.keys(paintedTables),
  );
});

test('pixels are premultiplied and agree with another PNG reader', async () => {
  const atlas = loadAtlas();
  const { data, info } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  for (const cell of [0, 30, atlas.cells.length - 1]) {
    for (const [x, y] of [
      [32, 32],
      [5, 40],
      [50, 20],
    ]) {
      const column = (cell % atlas.columns) * atlas.cellSize + x;
      const row = Math.floor(cell / atlas.columns) * atlas.cellSize + y;
      const from = (row * info.width + column) * 4;
      const alpha = data[from + 3] / 255;
      const at = ((cell * atlas.cellSize + y) * atlas.cellSize + x) * 4;
      assert.is(atlas.pixels[at + 3], Math.fround(alpha));
      for (let channel = 0; channel < 3; channel++) {
        assert.is(atlas.pixels[at + channel], Math.fround((data[from + channel] / 255) * alpha));
      }
    }
  }
});

test('our own drawings are committed as they are now', async () => {
  const { png: bytes, index } = await buildAtlas({ sets: [], drawings: paintedTables, withOthers: false });
  const files = { png: join(directory, 'own.png'), json: join(directory, 'own.json') };
  writeFileSync(files.png, bytes);
  writeFileSync(files.json, JSON.stringify(index));
  const drawn = loadAtlas(files);
  const atlas = loadAtlas();
  const length = atlas.cellSize ** 2 * 4;
  drawn.cells.forEach((cell, at) => {
    const committed = atlas.cells.findIndex(({ icon }) => icon === cell.icon);
    assert.equal(atlas.cells[committed], cell);
    let difference = 0;
    for (let i = 0; i < length; i++) {
      difference += Math.abs(atlas.pixels[committed * length + i] - drawn.pixels[at * length + i]);
    }
    // The common palette of all icons has fewer colours for the tables than a palette of their own.
    assert.ok(difference / length < 0.02, `${cell.icon}: ${difference / length}`);
  });
});

test('another art style is built from its package, lines and all', async () => {
  const atlas = await buildStyleAtlas(directory);
  assert.ok(cellsByClass(atlas).every((cells) => cells.length >= 1));
  assert.equal([...new Set(atlas.cells.map((cell) => cell.set))], ['openmoji', 'own']);
  assert.is(cellsByOtherIcon(atlas).length, 0);
});

test('a set that is not installed is named', async () => {
  const error = await buildStyleAtlas(directory, 'no-such-set').then(
    () => assert.unreachable(),
    (reason) => reason,
  );
  assert.instance(error, UserError);
  assert.match(error.message, '@iconify-json/no-such-set is not installed');
  assert.match(error.hint, 'npm ci');
});

test('damaged or mismatched atlas files are named with their fault', () => {
  const bytes = readFileSync(png);
  bytes[bytes.length >> 1] ^= 4;
  const flipped = join(directory, 'flipped.png');
  writeFileSync(flipped, bytes);
  const index = JSON.parse(readFileSync(json, 'utf8'));
  const short = join(directory, 'short.json');
  writeFileSync(short, JSON.stringify({ ...index, cells: index.cells.slice(0, 24) }));
  const wrong = join(directory, 'wrong.json');
  writeFileSync(wrong, JSON.stringify({ ...index, columns: 'many' }));

  const cases: [{ png: string; json: string }, string, RegExp][] = [
    [{ png: flipped, json }, flipped, /not a readable PNG/],
    [{ png, json: short }, png, /1536 x \d+ pixels, but its index describes 1536 x 64/],
    [{ png, json: wrong }, wrong, /columns/],
    [{ png, json: png }, png, /not JSON/],
    [{ png: join(directory, 'none.png'), json }, join(directory, 'none.png'), /cannot be read/],
  ];
  for (const [files, file, problem] of cases) {
    const error = thrownBy(() => loadAtlas(files));
    assert.instance(error, DataError);
    assert.is((error as DataError).file, file);
    assert.match(error.message, problem);
  }
});

test.run();
