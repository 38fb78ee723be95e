import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../engine/random.ts';

const test = suite('data_random');
const take = (random: Random, count: number) => Array.from({ length: count }, () => random.uint32());

test('a key gives the numbers of an independent implementation', () => {
  assert.equal(take(new Random(0), 4), [2584537797, 640573685, 2392516964, 585447718]);
  assert.equal(take(new Random(7, 3, 11), 4), [1429565999, 1528650405, 2547993889, 1167656957]);
  assert.equal(take(new Random(2 ** 40 + 5, -1), 4), [1803688117, 391336600, 2189743136, 2529593135]);
});

test('different keys give different numbers, whatever differs in them', () => {
  const keys: [number, ...number[]][] = [
    [1],
    [1, 0],
    [0, 1],
    [1, 0, 0],
    [2],
    [-1],
    [1 + 2 ** 32],
    [1, 2 ** 33],
  ];
  assert.is(new Set(keys.map((key) => take(new Random(...key), 2).join())).size, keys.length);
});

test('a key that is no whole number is refused', () => {
  assert.throws(() => new Random(0.5), /random key 0.5 is no whole number/);
  assert.throws(() => new Random(1, Number.NaN), /NaN/);
});

test('uniform numbers lie in their range with the right mean and variance', () => {
  const random = new Random(3);
  const values = Array.from({ length: 20000 }, () => random.uniform(-2, 4));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  assert.ok(values.every((value) => value >= -2 && value < 4));
  // Standard errors are 0.012 and 0.019.
  assert.ok(Math.abs(mean - 1) < 0.06, `mean ${mean}`);
  assert.ok(Math.abs(variance - 3) < 0.1, `variance ${variance}`);
});

test('whole numbers cover their range evenly, and only it', () => {
  const random = new Random(4);
  const counts = new Map<number, number>();
  for (let draw = 0; draw < 35000; draw++) {
    const value = random.integer(-3, 4);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  assert.equal(
    [...counts.keys()].sort((a, b) => a - b),
    [-3, -2, -1, 0, 1, 2, 3],
  );
  // 5000 each, standard deviation 65.
  for (const [value, count] of counts) assert.ok(Math.abs(count - 5000) < 330, `${value}: ${count}`);
  assert.throws(() => random.integer(2, 2), /no whole number in 2 .. 1/);
  assert.is(random.integer(9, 10), 9);
});

test('normal numbers have the moments of the standard normal distribution', () => {
  const random = new Random(5);
  const values = Array.from({ length: 20000 }, () => random.normal());
  const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length;
  assert.ok(Math.abs(moment(1)) < 0.036, `mean ${moment(1)}`);
  assert.ok(Math.abs(moment(2) - 1) < 0.05, `variance ${moment(2)}`);
  assert.ok(Math.abs(moment(3)) < 0.14, `skewness ${moment(3)}`);
  assert.ok(Math.abs(moment(4) - 3) < 0.4, `kurtosis ${moment(4)}`);
});

test('chance follows its probability and its ends', () => {
  const random = new Random(6);
  const hits = Array.from({ length: 10000 }, () => random.chance(0.3)).filter(Boolean).length;
  assert.ok(Math.abs(hits - 3000) < 230, `${hits} hits`);
  assert.not(random.chance(0));
  assert.ok(random.chance(1));
});

test('shuffling permutes', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.nat(), (values, seed) => {
      const shuffled = new Random(seed).shuffle([...values]);
      assert.equal(
        shuffled.sort((a, b) => a - b),
        [...values].sort((a, b) => a - b),
      );
    }),
    { numRuns: 50 },
  );
});

test('every order of three is equally likely', () => {
  const random = new Random(8);
  const counts = new Map<string, number>();
  for (let draw = 0; draw < 6000; draw++) {
    const order = random.shuffle(['a', 'b', 'c']).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.is(counts.size, 6);
  for (const [order, count] of counts) assert.ok(Math.abs(count - 1000) < 150, `${order}: ${count}`);
});

test.run();
