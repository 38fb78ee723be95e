import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError, ShapeError } from '../../../engine/errors.ts';
import { datasetNames } from '../../../train/config/schema.ts';
import { datasetInfo } from '../../../train/data/datasets/info.ts';
import { drawText, isDrawable, textSize } from '../../../train/evaluation/bitmap_font.ts';
import {
  drawOverlay,
  type OverlayInput,
  type Picture,
  writeOverlay,
} from '../../../train/evaluation/overlay.ts';
import { errorOf, rejectionOf } from '../../support/error_of.ts';

const test = suite('overlays');
const folder = mkdtempSync(join(tmpdir(), 'overlay-test-'));
test.after(() => rmSync(folder, { recursive: true }));

const none = 255;
const red = [200, 0, 0] as const;
const blue = [0, 0, 200] as const;

const maps = (truth: Uint8Array, prediction: Uint8Array) => [
  { title: 'truth', labels: truth },
  { title: 'prediction', labels: prediction },
];

/** Two rows of three pixels; class 0 is seen, class 1 is not. */
function small(): OverlayInput {
  return {
    height: 2,
    width: 3,
    image: Uint8Array.from({ length: 18 }, (_, index) => index * 10),
    maps: maps(Uint8Array.of(0, 1, none, none, none, none), Uint8Array.of(0, 0, none, none, none, 1)),
    palette: [red, blue],
    names: ['cat', 'sheep'],
    novel: [1],
  };
}

/** Geometry of the picture of `small`: enlarged 120 times. */
const factor = 120;
const panelWidth = 3 * factor;
const panelTop = 8 + 22;

const pixel = ({ width, data }: Picture, x: number, y: number) => [
  ...data.slice((y * width + x) * 3, (y * width + x) * 3 + 3),
];

/** The colour in the middle of a pixel of the image, in panel 0, 1 or 2. */
function panelPixel(picture: Picture, panel: number, x: number, y: number): number[] {
  const left = 8 + panel * (panelWidth + 8);
  return pixel(picture, left + x * factor + factor / 2, panelTop + y * factor + factor / 2);
}

/** Of a pixel whose grey value is given. */
const mixed = (grey: number, colour: readonly number[]) =>
  colour.map((value) => Math.round(0.35 * grey + 0.65 * value));
const greyOf = ([r, g, b]: number[]) => 0.299 * r! + 0.587 * g! + 0.114 * b!;

test('three panels side by side: the image as it is, then its grey values tinted by truth and prediction', () => {
  const picture = drawOverlay(small());
  assert.is(picture.width, 3 * panelWidth + 4 * 8);
  assert.equal(panelPixel(picture, 0, 0, 0), [0, 10, 20]);
  assert.equal(panelPixel(picture, 0, 2, 1), [150, 160, 170]);
  assert.equal(panelPixel(picture, 1, 0, 0), mixed(greyOf([0, 10, 20]), red));
  assert.equal(panelPixel(picture, 1, 1, 0), mixed(greyOf([30, 40, 50]), blue));
  assert.equal(panelPixel(picture, 2, 1, 0), mixed(greyOf([30, 40, 50]), red));
  assert.equal(panelPixel(picture, 2, 2, 1), mixed(greyOf([150, 160, 170]), blue));
});

test('pixels without a class are pale grey', () => {
  const [r, g, b] = panelPixel(drawOverlay(small()), 1, 0, 1);
  assert.ok(r === g && g === b && r! >= 176);
});

test('small images are enlarged, large ones are not', () => {
  const size = (height: number, width: number) => {
    const pixels = height * width;
    const none = new Uint8Array(pixels);
    const image = new Uint8Array(3 * pixels);
    return drawOverlay({ ...small(), maps: maps(none, none), height, width, image }).width;
  };
  assert.is(size(48, 48), 3 * 240 + 4 * 8);
  assert.is(size(241, 300), 3 * 300 + 4 * 8);
});

/** Whether the exact pixels of `text` are somewhere in the picture: ink black, the rest of its cells white. */
function showsText(picture: Picture, text: string): boolean {
  const { width, height } = textSize(text, 2);
  const ink = new Uint8Array(width * height);
  drawText(text, 2, (x, y) => ink.fill(1, y * width + x, y * width + x + 1));
  const isAt = (left: number, top: number) =>
    ink.every((value, index) => {
      const at = (top + Math.floor(index / width)) * picture.width + left + (index % width);
      return picture.data[at * 3] === (value === 1 ? 0 : 255);
    });
  for (let top = 0; top + height <= picture.height; top++) {
    for (let left = 0; left + width <= picture.width; left++) if (isAt(left, top)) return true;
  }
  return false;
}

test('titles and a legend of the classes that occur, unseen ones with a star', () => {
  const picture = drawOverlay(small());
  for (const text of ['image', 'truth', 'prediction', 'cat', 'sheep *', '(* unseen)']) {
    assert.ok(showsText(picture, text), text);
  }
  const seenOnly = drawOverlay({ ...small(), maps: maps(new Uint8Array(6), new Uint8Array(6)) });
  assert.ok(showsText(seenOnly, 'cat'));
  assert.not.ok(showsText(seenOnly, 'sheep'));
  assert.not.ok(showsText(seenOnly, '(* unseen)'));
});

test('a long legend is broken into lines inside the picture', () => {
  const { palette, classes, novel } = datasetInfo('voc20');
  const truth = Uint8Array.from({ length: 24 }, (_, index) => (index < 20 ? index : none));
  const shape = { height: 4, width: 6, image: new Uint8Array(72) };
  const all = drawOverlay({ ...shape, maps: maps(truth, truth), palette, names: classes, novel });
  const one = drawOverlay({
    ...shape,
    palette,
    names: classes,
    novel,
    maps: maps(new Uint8Array(24), new Uint8Array(24)),
  });
  assert.is((all.height - one.height) % 22, 0);
  assert.ok(all.height - one.height >= 22);
  for (const name of ['aeroplane', 'diningtable', 'tvmonitor *']) assert.ok(showsText(all, name), name);
});

test('the font has every character of every class name', () => {
  const drawn = (text: string) => {
    const pixels: string[] = [];
    drawText(text, 1, (x, y) => pixels.push(`${x},${y}`));
    return pixels.join(' ');
  };
  const unknown = drawn('\u2603');
  assert.ok(unknown.length > 0, 'an unknown character is drawn as a box');
  const characters = new Set([
    ...datasetNames.flatMap((name) => datasetInfo(name).classes).join(''),
    ...'0123456789.*()',
  ]);
  characters.delete(' ');
  assert.is(new Set([...characters].map(drawn)).size, characters.size, 'all differ');
  for (const character of characters) assert.is.not(drawn(character), unknown, character);
  assert.is(drawn('A'), drawn('a'));
  assert.is(drawn(' '), '');
});

test('accents are left out; a name in another script stands in the legend as its number', () => {
  assert.ok(isDrawable('Größe') && isDrawable('crème brûlée') && isDrawable("dog's"));
  assert.not.ok(isDrawable('猫') || isDrawable('кот') || isDrawable('🐈'));
  assert.equal(textSize('groesse', 1), textSize('große ', 1), 'ß takes two cells');
  const picture = drawOverlay({ ...small(), names: ['Äpfel', '猫'] });
  for (const text of ['apfel', 'class 2 *']) assert.ok(showsText(picture, text), text);
});

test('pixels without a class are in the legend where they have a name', () => {
  const named = drawOverlay({ ...small(), uncoloured: 'background' });
  assert.ok(showsText(named, 'background'));
  const full = { ...small(), maps: maps(new Uint8Array(6), new Uint8Array(6)), uncoloured: 'background' };
  assert.not.ok(showsText(drawOverlay(full), 'background'));
});

test('the layout grows with the picture', () => {
  const [height, width] = [1100, 1024];
  const labels = new Uint8Array(height * width);
  const image = new Uint8Array(3 * height * width);
  const large = drawOverlay({ ...small(), height, width, image, maps: [{ title: 'prediction', labels }] });
  assert.equal([large.width, large.height], [2 * width + 3 * 16, height + 3 * 16 + 2 * 44]);
});

test('the file holds the picture', async () => {
  const file = join(folder, 'scene.png');
  await writeOverlay(file, small());
  const { width, height, channels, depth, data } = decode(readFileSync(file));
  assert.equal({ width, height, data: Uint8Array.from(data) }, drawOverlay(small()));
  assert.equal([channels, depth], [3, 8]);
});

test('wrong sizes and folders that are missing are errors that name them', async () => {
  const { message } = errorOf(ShapeError, () =>
    drawOverlay({ ...small(), maps: maps(new Uint8Array(5), new Uint8Array(6)) }),
  );
  assert.is(message, 'overlay: truth has 5 values, wanted 6');
  const file = join(folder, 'none', 'a.png');
  const error = await rejectionOf(DataError, () => writeOverlay(file, small()));
  assert.match(error.message, `${file}: cannot be written: no such file or folder`);
});

test.run();
