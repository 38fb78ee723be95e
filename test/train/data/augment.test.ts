import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../engine/random.ts';
import { type AugmentOptions, augment } from '../../../train/data/image/augment.ts';
import { cutOut, fitSize, randomCrop, shortSideSize } from '../../../train/data/image/geometry.ts';
import { imagenetNormalisation, writePlanes } from '../../../train/data/image/normalise.ts';
import type { Raster, Size } from '../../../train/data/image/raster.ts';
import { trainingTable } from '../../../train/data/labels.ts';
import { raster } from './support.ts';

const test = suite('data_augment');

const plain: AugmentOptions = {
  scale: [1000, 6],
  ratio: [1, 1],
  crop: [6, 8],
  catMaxRatio: 1,
  flip: 0,
  photometric: false,
};
const unit = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** An image whose red is 10 x label, green 100 + label and blue 7, with labels that differ everywhere. */
function coded(size: Size): { image: Raster; labels: Raster } {
  const labels = Array.from({ length: size.width * size.height }, (_, i) => i % 23);
  const pixels = labels.flatMap((label) => [10 * label, 100 + label, 7]);
  return { image: raster(size, 3, pixels), labels: raster(size, 1, labels) };
}

function sample(
  seed: number,
  { image, labels }: ReturnType<typeof coded>,
  change: Partial<AugmentOptions> = {},
) {
  const options = { ...plain, ...change };
  const [height, width] = options.crop;
  const target = { image: new Float32Array(3 * height * width), labels: new Int32Array(height * width) };
  augment(new Random(seed), image, labels, options, unit, trainingTable('supervised', []), target);
  return target;
}

test('sizes fit both bounds: worked examples of the rule (2048, 512)', () => {
  assert.equal(fitSize({ width: 500, height: 375 }, [2048, 512]), { width: 683, height: 512 });
  assert.equal(fitSize({ width: 375, height: 500 }, [2048, 512]), { width: 512, height: 683 });
  assert.equal(fitSize({ width: 500, height: 375 }, [1024, 256]), { width: 341, height: 256 });
  assert.equal(fitSize({ width: 2000, height: 100 }, [2048, 512]), { width: 2048, height: 102 });
  assert.equal(fitSize({ width: 1000, height: 1 }, [100, 25]), { width: 100, height: 1 });
});

test('the short side of a test image is exact, its shape is kept', () => {
  assert.equal(shortSideSize({ width: 500, height: 375 }, 512), { width: 683, height: 512 });
  assert.equal(shortSideSize({ width: 100, height: 2000 }, 512), { width: 512, height: 10240 });
  const side = fc.integer({ min: 1, max: 3000 });
  fc.assert(
    fc.property(side, side, fc.integer({ min: 1, max: 1024 }), (width, height, short) => {
      const size = shortSideSize({ width, height }, short);
      assert.is(Math.min(size.width, size.height), short);
      const long = (Math.max(width, height) * short) / Math.min(width, height);
      assert.ok(Math.abs(Math.max(size.width, size.height) - long) <= 0.51);
      assert.is(size.width > size.height, Math.max(size.width, size.height) > short && width > height);
    }),
  );
});

test('normalised planes: (value - mean) / std, red first', () => {
  const planes = new Float32Array(3);
  writePlanes(raster({ width: 1, height: 1 }, 3, [255, 0, 128]), imagenetNormalisation, planes, {
    width: 1,
    height: 1,
  });
  assert.equal(
    [...planes].map((value) => value.toFixed(4)),
    ['2.2489', '-2.0357', '0.4265'],
  );
});

test('without variation a sample is the image, padded with 0 and 255 at the right and bottom', () => {
  const source = coded({ width: 5, height: 4 });
  const { image, labels } = sample(1, source, { scale: [1000, 4] });
  for (let y = 0; y < 6; y++) {
    for (let x = 0; x < 8; x++) {
      const inside = x < 5 && y < 4;
      const label = inside ? source.labels.data[y * 5 + x]! : 255;
      assert.is(labels[y * 8 + x], label);
      const wanted = inside ? [10 * label, 100 + label, 7] : [0, 0, 0];
      assert.equal(
        [0, 1, 2].map((channel) => image[channel * 48 + y * 8 + x]),
        wanted,
      );
    }
  }
});

test('image and labels are cropped and mirrored together', () => {
  const source = coded({ width: 19, height: 17 });
  const seen = new Set<string>();
  for (let seed = 0; seed < 30; seed++) {
    const { image, labels } = sample(seed, source, { scale: [1000, 17], flip: 0.5 });
    labels.forEach((label, i) => {
      assert.is(image[i], 10 * label);
      assert.is(image[48 + i], 100 + label);
    });
    seen.add(labels[1]! - labels[0]! === 1 || labels[0] === 22 ? 'as it was' : 'mirrored');
  }
  assert.is(seen.size, 2);
});

test('flip 1 mirrors every sample', () => {
  const source = coded({ width: 8, height: 6 });
  const { labels } = sample(2, source, { flip: 1 });
  assert.equal([...labels.slice(0, 8)], [7, 6, 5, 4, 3, 2, 1, 0]);
});

test('the random factor cuts the bounds to whole pixels', () => {
  // 0.57 x [100, 10] = [57, 5]: factor 0.5, so 10 x 5 pixels; uncut it would be 11 x 6.
  const source = coded({ width: 20, height: 10 });
  const { labels } = sample(1, source, { scale: [100, 10], ratio: [0.57, 0.57], crop: [20, 20] });
  assert.is(labels.filter((label) => label !== 255).length, 50);
  assert.is(labels[4 * 20 + 9] === 255, false);
});

test('the factor covers its range', () => {
  const source = coded({ width: 40, height: 40 });
  const sides = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    const { labels } = sample(seed, source, { scale: [160, 40], ratio: [0.5, 2], crop: [90, 90] });
    sides.add(Math.sqrt(labels.filter((label) => label !== 255).length));
  }
  assert.ok([...sides].every((side) => side >= 20 && side < 80));
  assert.ok(Math.min(...sides) < 25 && Math.max(...sides) > 72, [...sides].join());
});

test('a crop larger than the image takes all of it', () => {
  const labels = raster({ width: 5, height: 3 }, 1, new Uint8Array(15));
  assert.equal(randomCrop(new Random(1), labels, [4, 9], 0.75, 255), {
    top: 0,
    left: 0,
    width: 5,
    height: 3,
  });
});

test('crops cover every place', () => {
  const { labels } = coded({ width: 7, height: 5 });
  const places = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const { top, left } = randomCrop(new Random(seed), labels, [4, 4], 1, 255);
    places.add(`${top},${left}`);
  }
  assert.is(places.size, 2 * 4);
});

/** The first draws of a crop of 4 x 4 in 16 x 16, as `randomCrop` makes them: top, then left. */
function draws(seed: number, count: number) {
  const random = new Random(seed);
  return Array.from({ length: count }, () => ({
    top: random.integer(0, 13),
    left: random.integer(0, 13),
    width: 4,
    height: 4,
  }));
}
const isVaried = (labels: Raster, window: ReturnType<typeof draws>[number]): boolean => {
  const values = [...cutOut(labels, window).data].filter((value) => value !== 255);
  const counts = [...new Set(values)].map((id) => values.filter((value) => value === id).length);
  return counts.length > 1 && Math.max(...counts) / values.length < 0.75;
};

test('the first varied crop of eleven is taken, the last one whatever it shows', () => {
  const random = new Random(99);
  // One pixel in five is of another class, so that both kinds of crops are common.
  const data = Array.from({ length: 256 }, () => (random.chance(0.2) ? 3 : random.chance(0.2) ? 255 : 1));
  const labels = raster({ width: 16, height: 16 }, 1, data);
  const taken = new Map<number, number>();
  for (let seed = 0; seed < 100; seed++) {
    const eleven = draws(seed, 11);
    const first = eleven.slice(0, 10).findIndex((window) => isVaried(labels, window));
    const index = first < 0 ? 10 : first;
    assert.equal(randomCrop(new Random(seed), labels, [4, 4], 0.75, 255), eleven[index]);
    taken.set(index, (taken.get(index) ?? 0) + 1);
  }
  assert.ok(taken.size > 3, 'several numbers of redraws occur');
});

test('a single class and a share of exactly the limit are redrawn ten times', () => {
  const single = raster({ width: 16, height: 16 }, 1, new Uint8Array(256).fill(2));
  // Columns 0 0 0 1 0 0 0 1: three quarters of every crop.
  const striped = raster(
    { width: 16, height: 16 },
    1,
    Array.from({ length: 256 }, (_, i) => (i % 4 === 3 ? 1 : 0)),
  );
  for (const labels of [single, striped]) {
    assert.equal(randomCrop(new Random(5), labels, [4, 4], 0.75, 255), draws(5, 11)[10]);
  }
  assert.equal(randomCrop(new Random(5), striped, [4, 4], 0.76, 255), draws(5, 1)[0]);
});

test('ignored pixels count for nothing: two small classes among them are varied', () => {
  const labels = raster(
    { width: 16, height: 16 },
    1,
    Array.from({ length: 256 }, (_, i) => (i % 4 === 0 ? 1 : i % 4 === 1 ? 2 : 255)),
  );
  assert.equal(randomCrop(new Random(5), labels, [4, 4], 0.75, 255), draws(5, 1)[0]);
});

test('the crop is chosen by class ids, before labels are mapped', () => {
  // To an inductive run that sees neither class all pixels would be ignored and no crop would do.
  const size = { width: 16, height: 16 };
  const labels = raster(
    size,
    1,
    Array.from({ length: 256 }, (_, i) => i % 2),
  );
  const image = raster(
    size,
    3,
    Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)),
  );
  const target = { image: new Float32Array(48), labels: new Int32Array(16) };
  const options: AugmentOptions = { ...plain, scale: [1000, 16], crop: [4, 4], catMaxRatio: 0.75 };
  augment(new Random(8), image, labels, options, unit, trainingTable('inductive', []), target);
  const random = new Random(8);
  random.uniform();
  const [top, left] = [random.integer(0, 13), random.integer(0, 13)];
  assert.is(target.image[0], top * 16 + left);
  assert.ok(target.labels.every((label) => label === 255));
});

test.run();
