import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../engine/random.ts';
import type { Raster, Size } from '../../../train/data/image/raster.ts';
import { resizeLinear, resizeNearest } from '../../../train/data/image/resize.ts';
import { fromBase64, raster, readFixture } from './support.ts';

interface OpenCvFixture {
  opencv: string;
  resize: {
    source: [number, number];
    size: [number, number];
    pixels: string;
    linear: string;
    nearest: string;
  }[];
}

const test = suite('data_resize');
const fixture = readFixture<OpenCvFixture>('opencv.json');

const side = fc.integer({ min: 1, max: 24 });
const sizes = fc.record({ width: side, height: side });
const noise = (size: Size, channels: number, seed: number): Raster => {
  const random = new Random(seed);
  const bytes = Array.from({ length: size.width * size.height * channels }, () => random.integer(0, 256));
  return raster(size, channels, bytes);
};

for (const { source, size, pixels, linear, nearest } of fixture.resize) {
  test(`${source} to ${size}: the bytes of OpenCV ${fixture.opencv}`, () => {
    const from: Raster = { height: source[0], width: source[1], channels: 3, data: fromBase64(pixels) };
    const to = { height: size[0], width: size[1] };
    assert.equal(resizeLinear(from, to).data, fromBase64(linear));
    assert.equal(resizeNearest(from, to).data, fromBase64(nearest));
  });
}

test('bilinear: a row of two, stretched to four, by hand', () => {
  // Centres of the four lie at -0.25, 0.25, 0.75, 1.25 of the two: weights 1, 3/4, 1/4, 0 for the first.
  const { data } = resizeLinear(raster({ width: 2, height: 1 }, 1, [40, 200]), { width: 4, height: 1 });
  assert.equal([...data], [40, 80, 160, 200]);
});

test('bilinear: halving takes the mean of each 2 x 2 block, halves rounded up', () => {
  const source = raster({ width: 4, height: 2 }, 1, [0, 1, 10, 20, 0, 1, 30, 40]);
  assert.equal([...resizeLinear(source, { width: 2, height: 1 }).data], [1, 25]);
});

test('bilinear: thirds fall on the middle pixel, nothing is smoothed before shrinking', () => {
  const source = raster({ width: 9, height: 1 }, 1, [0, 7, 0, 0, 8, 0, 0, 9, 0]);
  assert.equal([...resizeLinear(source, { width: 3, height: 1 }).data], [7, 8, 9]);
});

test('nearest: position floor(x * scale), by hand', () => {
  const source = raster({ width: 5, height: 1 }, 1, [0, 1, 2, 3, 4]);
  assert.equal([...resizeNearest(source, { width: 3, height: 1 }).data], [0, 1, 3]);
  assert.equal([...resizeNearest(source, { width: 8, height: 1 }).data], [0, 0, 1, 1, 2, 3, 3, 4]);
  // OpenCV's scale 1 / (18 / 14) is a bit below 14 / 18, so position 9 takes pixel 6 and not 7.
  const fourteen = raster({ width: 14, height: 1 }, 1, Uint8Array.from({ length: 14 }).keys());
  assert.is(resizeNearest(fourteen, { width: 18, height: 1 }).data[9], 6);
});

test('a constant image stays constant at any size', () => {
  fc.assert(
    fc.property(sizes, sizes, fc.integer({ min: 0, max: 255 }), (from, to, value) => {
      const source = raster(from, 3, new Uint8Array(from.width * from.height * 3).fill(value));
      const wanted = new Uint8Array(to.width * to.height * 3).fill(value);
      assert.equal(resizeLinear(source, to).data, wanted);
      assert.equal(resizeNearest(source, to).data, wanted);
    }),
    { numRuns: 60 },
  );
});

test('the same size is the identity', () => {
  fc.assert(
    fc.property(sizes, fc.nat(), (size, seed) => {
      const source = noise(size, 3, seed);
      assert.equal(resizeLinear(source, size).data, source.data);
      assert.equal(resizeNearest(source, size).data, source.data);
    }),
    { numRuns: 40 },
  );
});

test('bilinear never leaves the range of its source; nearest invents no value', () => {
  fc.assert(
    fc.property(sizes, sizes, fc.nat(), (from, to, seed) => {
      const source = noise(from, 1, seed);
      const linear = resizeLinear(source, to).data;
      assert.ok(Math.min(...linear) >= Math.min(...source.data));
      assert.ok(Math.max(...linear) <= Math.max(...source.data));
      assert.ok(resizeNearest(source, to).data.every((value) => source.data.includes(value)));
    }),
    { numRuns: 60 },
  );
});

test('a window holds the same bytes as the whole', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(sizes, sizes, fc.tuple(share, share, share, share), fc.nat(), (from, to, shares, seed) => {
      const left = Math.floor(shares[0] * (to.width - 1));
      const top = Math.floor(shares[1] * (to.height - 1));
      const width = 1 + Math.floor(shares[2] * (to.width - left - 1));
      const height = 1 + Math.floor(shares[3] * (to.height - top - 1));
      const source = noise(from, 3, seed);
      const whole = resizeLinear(source, to);
      const part = resizeLinear(source, to, { left, top, width, height });
      assert.is(part.data.length, width * height * 3);
      for (let y = 0; y < height; y++) {
        const start = ((top + y) * to.width + left) * 3;
        assert.equal(
          part.data.slice(y * width * 3, (y + 1) * width * 3),
          whole.data.slice(start, start + width * 3),
        );
      }
    }),
    { numRuns: 60 },
  );
});

test.run();
