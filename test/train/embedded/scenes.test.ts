import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../engine/errors.ts';
import { Random } from '../../../engine/random.ts';
import { type Atlas, cellsByClass, cellsByOtherIcon, loadAtlas } from '../../../train/embedded/atlas.ts';
import { splitScenes } from '../../../train/embedded/generate.ts';
import {
  drawScene,
  type Scene,
  segmentationCrowds,
  singleObject,
  voidLabel,
} from '../../../train/embedded/scenes.ts';
import { stampIcon } from '../../../train/embedded/stamp.ts';

const test = suite('embedded_scenes');
const atlas = loadAtlas();
const anyVocCell = cellsByClass(atlas).flat();
const anyOtherCell = cellsByOtherIcon(atlas).flat();

const draw = (seed: number, size = 48, cells = anyVocCell, crowds = segmentationCrowds): Scene =>
  drawScene(new Random(seed), {
    atlas,
    size,
    crowds,
    pickCell: (random) => cells[random.integer(0, cells.length)],
  });
const digest = (scene: Scene): string =>
  createHash('sha256').update(scene.rgb).update(scene.mask).digest('hex').slice(0, 16);

/** A one-cell atlas of a solid colour with the alpha given. */
const solid = (cellSize: number, [red, green, blue]: number[], alpha: number): Atlas => {
  const pixels = new Float32Array(cellSize * cellSize * 4);
  for (let i = 0; i < pixels.length; i += 4) {
    pixels.set([red * alpha, green * alpha, blue * alpha, alpha], i);
  }
  const cells = [{ set: 'test', icon: 'square', class: 'cat', captions: ['square'] }];
  return { cellSize, columns: 1, classes: ['dog', 'cat'], cells, pixels, sources: [] };
};

test('a seed gives the same bytes in any order of drawing, another seed gives others', () => {
  const first = digest(draw(1));
  assert.is.not(digest(draw(2)), first);
  assert.is(digest(draw(1)), first);
});

// A new value here means that generatorVersion in train/embedded/generate.ts has to be raised.
test('scenes are the recorded ones', () => {
  const scenes = [0, 1, 2].map((index) => digest(splitScenes(atlas, { seed: 0, size: 48 }, 'val')(index)));
  assert.equal(scenes, ['742fe72d8cafc0fa', '9a2bdebe86e281bd', 'd693e5f18c316e8b']);
});

test('mask and objects describe each other, at every size', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 32, max: 64 }), (seed, size) => {
      const { rgb, mask, objects } = draw(seed, size);
      assert.is(rgb.length, size * size * 3);
      assert.is(mask.length, size * size);
      assert.ok(objects.length >= 1 && objects.length <= 3);
      const areas = new Map<number, number>();
      for (const { cell, classId, area, box } of objects) {
        assert.is(atlas.classes[classId!], atlas.cells[cell].class);
        areas.set(classId! + 1, (areas.get(classId! + 1) ?? 0) + area);
        assert.ok(0 <= box[0] && box[0] < box[2] && box[2] <= size, `${box}`);
        assert.ok(0 <= box[1] && box[1] < box[3] && box[3] <= size, `${box}`);
        assert.ok(area >= 0.005 * size * size, `${area} pixels of ${size} x ${size}`);
      }
      const counted = new Map<number, number>();
      mask.forEach((label, pixel) => {
        if (label === 0) return;
        counted.set(label, (counted.get(label) ?? 0) + 1);
        const x = pixel % size;
        const y = Math.floor(pixel / size);
        const owner = objects.find(
          ({ classId, box }) =>
            classId === label - 1 && x >= box[0] && x < box[2] && y >= box[1] && y < box[3],
        );
        assert.ok(owner, `label ${label} at ${x}, ${y} lies in no box`);
      });
      assert.equal(counted, areas);
    }),
    { numRuns: 150, seed: 7 },
  );
});

test('one, two and three objects come at their probabilities', () => {
  const counts = [0, 0, 0, 0];
  for (let seed = 0; seed < 600; seed++) counts[draw(seed, 32).objects.length]++;
  assert.is(counts[0], 0);
  assert.ok(Math.abs(counts[1] / 600 - 0.6) < 0.06, `${counts}`);
  assert.ok(Math.abs(counts[2] / 600 - 0.3) < 0.06, `${counts}`);
  assert.ok(counts[3] > 20, `${counts}`);
});

test('nouns that are no class are void in the mask', () => {
  const { mask, objects } = draw(3, 32, anyOtherCell, singleObject);
  assert.is(objects.length, 1);
  assert.is(objects[0].classId, null);
  assert.equal([...new Set(mask)].sort(), [0, voidLabel]);
  assert.is(mask.filter((label) => label === voidLabel).length, objects[0].area);
});

test('a later object covers an earlier one but leaves half of it', () => {
  const square = solid(8, [1, 0, 0], 1);
  const crowds = [
    { probability: 0, size: [0.6, 0.6] as const },
    { probability: 1, size: [0.6, 0.6] as const },
  ];
  let overlaps = 0;
  for (let seed = 0; seed < 40; seed++) {
    const scene = drawScene(new Random(seed), { atlas: square, size: 40, crowds, pickCell: () => 0 });
    if (scene.objects.length < 2) continue;
    const [behind, front] = scene.objects;
    const whole = (front.box[2] - front.box[0]) * (front.box[3] - front.box[1]);
    assert.ok(behind.area > 0.4 * 24 * 24, `${behind.area}`);
    assert.ok(front.area > 0.6 * whole);
    if (behind.area < 0.9 * front.area) overlaps++;
  }
  assert.ok(overlaps > 5, `${overlaps}`);
});

test('a stamp keeps colour and area whether it shrinks, keeps its size or grows', () => {
  const square = solid(64, [0.8, 0.4, 0.2], 1);
  for (const size of [11, 24, 64, 150]) {
    const stamp = stampIcon(square, 0, { size, angle: 0, flip: false, aspect: 1 });
    assert.equal([stamp.width, stamp.height], [size, size]);
    const middle = (Math.floor(size / 2) * size + Math.floor(size / 2)) * 4;
    [0.8, 0.4, 0.2, 1].forEach((value, channel) => {
      assert.ok(Math.abs(stamp.data[middle + channel] - value) < 1e-5, `size ${size} channel ${channel}`);
    });
  }
  const turned = stampIcon(square, 0, { size: 30, angle: Math.PI / 6, flip: false, aspect: 1.44 });
  let cover = 0;
  for (let i = 3; i < turned.data.length; i += 4) cover += turned.data[i];
  assert.ok(Math.abs(cover - 900) < 25, `${cover} of 900`);
});

test('a shrunken fine pattern becomes its mean, flipping mirrors, turning turns clockwise', () => {
  const stripes = solid(64, [0, 0, 0], 1);
  for (let i = 0; i < stripes.pixels.length; i += 8) stripes.pixels[i] = 1;
  const small = stampIcon(stripes, 0, { size: 16, angle: 0, flip: false, aspect: 1 });
  for (let i = 0; i < small.data.length; i += 4)
    assert.ok(Math.abs(small.data[i] - 0.5) < 0.17, `${small.data[i]}`);

  const half = solid(64, [0, 0, 0], 1);
  for (let i = 0; i < half.pixels.length; i += 4) half.pixels[i] = (i / 4) % 64 < 32 ? 1 : 0;
  const red = (stamp: ReturnType<typeof stampIcon>, x: number, y: number) =>
    stamp.data[(y * stamp.width + x) * 4];
  const plain = stampIcon(half, 0, { size: 32, angle: 0, flip: false, aspect: 1 });
  assert.equal([red(plain, 6, 16), red(plain, 26, 16)].map(Math.round), [1, 0]);
  const mirrored = stampIcon(half, 0, { size: 32, angle: 0, flip: true, aspect: 1 });
  assert.equal([red(mirrored, 6, 16), red(mirrored, 26, 16)].map(Math.round), [0, 1]);
  const quarter = stampIcon(half, 0, { size: 32, angle: Math.PI / 2, flip: false, aspect: 1 });
  assert.equal([red(quarter, 16, 6), red(quarter, 16, 26)].map(Math.round), [1, 0]);
});

test('a faint drawing is no object', () => {
  const faint = stampIcon(solid(8, [1, 1, 1], 0.4), 0, { size: 20, angle: 0, flip: false, aspect: 1 });
  assert.is(faint.width, 0);
  const firm = stampIcon(solid(8, [1, 1, 1], 0.6), 0, { size: 20, angle: 0, flip: false, aspect: 1 });
  assert.ok(firm.width >= 16, `${firm.width}`);
});

test('a size that cannot be drawn is refused', () => {
  for (const size of [0, 15, 47.5, 513, Number.NaN]) {
    assert.throws(
      () => draw(1, size),
      (error: Error) => error instanceof ConfigError && error.message.includes(`${size} pixels`),
    );
  }
});

test.run();
