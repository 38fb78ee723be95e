import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { ShapeError } from '../../../engine/errors.ts';
import { Random } from '../../../engine/random.ts';
import { cosineMaps, linearCka, minMax, patchCosineMap } from '../../../train/report/analysis.ts';
import { openEngine } from '../../support/device.ts';
import { rejectionOf } from '../../support/error_of.ts';

/** Golden values are compared by golden.test.ts; here are what the measures must satisfy for any input. */
const test = suite('analysis');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

type Rows = number[][];

function draw(random: Random, rows: number, width: number): Rows {
  return Array.from({ length: rows }, () => Array.from({ length: width }, () => random.normal()));
}

const upload = (rows: Rows) => engine.tensor(Float32Array.from(rows.flat()), [rows.length, rows[0].length]);

function centred(rows: Rows): Rows {
  const means = rows[0].map((_, column) => rows.reduce((sum, row) => sum + row[column], 0) / rows.length);
  return rows.map((row) => row.map((entry, column) => entry - means[column]));
}

/** ||X^T Y||_F^2 straight from the definition. */
function squaredProduct(x: Rows, y: Rows): number {
  let sum = 0;
  for (let i = 0; i < x[0].length; i++) {
    for (let j = 0; j < y[0].length; j++) {
      sum += x.reduce((dot, row, n) => dot + row[i] * y[n][j], 0) ** 2;
    }
  }
  return sum;
}

function ckaInFloat64(x: Rows, y: Rows): number {
  const [a, b] = [centred(x), centred(y)];
  return squaredProduct(a, b) / Math.sqrt(squaredProduct(a, a) * squaredProduct(b, b));
}

test('linear CKA equals its definition in float64', async () => {
  const sizes = fc.record({
    seed: fc.nat(),
    examples: fc.integer({ min: 3, max: 40 }),
    widths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(sizes, async ({ seed, examples, widths }) => {
      const random = new Random(seed, 0);
      const sets = widths.map((width) => draw(random, examples, width));
      const found = await linearCka(engine, sets.map(upload));
      for (const [a, x] of sets.entries()) {
        for (const [b, y] of sets.entries()) {
          const wanted = ckaInFloat64(x, y);
          assert.ok(Math.abs(found[a][b] - wanted) < 2e-5, `${a}, ${b}: ${found[a][b]}, wanted ${wanted}`);
        }
      }
    }),
    { numRuns: 12 },
  );
});

test('linear CKA is blind to rotation, scale and shift, and to nothing else', async () => {
  const x = draw(new Random(1, 0), 50, 2);
  const [cosine, sine] = [Math.cos(0.7), Math.sin(0.7)];
  const moved = x.map(([a, b]) => [5 * (cosine * a - sine * b) + 30, 5 * (sine * a + cosine * b) - 7]);
  const stretched = x.map(([a, b]) => [20 * a, b]);
  const [[, same, other]] = await linearCka(engine, [x, moved, stretched].map(upload));
  assert.ok(Math.abs(same - 1) < 1e-5, `${same}`);
  assert.ok(other < 0.9, `${other}`);
});

test('linear CKA of sets with nothing in common is 0, of one that does not vary undefined', async () => {
  const x = [[1], [1], [-1], [-1]];
  const y = [[1], [-1], [1], [-1]];
  const still = [[3], [3], [3], [3]];
  const found = await linearCka(engine, [x, y, still].map(upload));
  assert.equal(found[0].slice(0, 2), [1, 0]);
  assert.ok(Number.isNaN(found[2][2]));
});

test('linear CKA refuses sets of different examples', async () => {
  const sets = [upload([[1], [2], [3]]), upload([[1], [2]])];
  const { message } = await rejectionOf(ShapeError, () => linearCka(engine, sets));
  assert.match(message, /linearCka: features are .*2.*1.*, wanted \(3, width\)/);
});

test('cosine maps are dot products of unit vectors on the grid', async () => {
  const features = [
    [3, 0],
    [0, 2],
    [1, 1],
    [-1, 0],
    [0, -5],
    [2, 2],
  ];
  const { maps, own } = await engine.fetch(() => {
    const grid = { features: upload(features), rows: 2, cols: 3 };
    return {
      maps: cosineMaps(
        grid,
        upload([
          [10, 0],
          [0, 1],
        ]),
      ),
      own: patchCosineMap(grid, 2),
    };
  });
  const half = Math.SQRT1_2;
  const close = (found: ArrayLike<number>, wanted: number[]): void => {
    assert.is(found.length, wanted.length);
    wanted.forEach((entry, i) => {
      assert.ok(Math.abs(found[i] - entry) < 1e-6, `${i}: ${found[i]}, wanted ${entry}`);
    });
  };
  close(maps, [1, 0, half, -1, 0, half, 0, 1, half, 0, -1, half]);
  close(own, [half, half, 1, -half, -half, 1]);
});

test('minMax scales to 0..1 and keeps the range; equal values become 0', () => {
  const { low, high, scaled } = minMax([2, 6, 3]);
  assert.equal([low, high, ...scaled], [2, 6, 0, 1, 0.25]);
  assert.equal([...minMax([4, 4]).scaled], [0, 0]);
});

test.run();
