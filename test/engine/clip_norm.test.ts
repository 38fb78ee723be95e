import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { ConfigError, ShapeError } from '../../engine/errors.ts';
import { mulberry32 } from '../../engine/gpu/run.ts';
import { adamwStep, clipDivisor } from '../../engine/ops/index.ts';
import { openEngine } from '../support/device.ts';
import { errorOf } from '../support/error_of.ts';
import { launched } from './gradients/vjp.ts';

const test = suite('gradient clipping');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

/** Sizes like a model's: weights, biases, single numbers. */
const MANY = [1021, 3, 64, 1, 16384, 130, 7, 257, 5, 40000, 128, 2, 1, 96 * 128, 77, 31];

/** Numbers as float32 holds them, each tensor on a scale of its own. */
function randomArrays(sizes: readonly number[], seed = 1): Float32Array<ArrayBuffer>[] {
  const random = mulberry32(seed);
  return sizes.map((size, k) =>
    Float32Array.from({ length: size }, () => 10 ** (-k % 3) * (2 * random() - 1)),
  );
}

function normOf(arrays: readonly Float32Array[]): number {
  return Math.sqrt(arrays.reduce((sum, array) => array.reduce((s, v) => s + v * v, sum), 0));
}

async function clip(arrays: readonly Float32Array<ArrayBuffer>[], maxNorm: number): Promise<number[]> {
  const { clip } = await engine.fetch(() => ({
    clip: clipDivisor({ grads: arrays.map((array) => engine.tensor(array, [array.length])), maxNorm }),
  }));
  return Array.from(clip);
}

const near = (found: number, wanted: number): void =>
  assert.ok(Math.abs(found - wanted) <= 1e-6 * wanted, `${found}, wanted ${wanted}`);

for (const count of [1, 2, 7, 16]) {
  test(`norm and divisor of ${count} gradients`, async () => {
    const arrays = randomArrays(MANY.slice(0, count));
    const norm = normOf(arrays);
    for (const maxNorm of [0.37, norm / 3, 1.01 * norm]) {
      const [divisor, found] = await clip(arrays, maxNorm);
      near(found, norm);
      near(divisor, Math.max(1, norm / maxNorm));
    }
  });
}

test('gradients that are short enough are left as they are', async () => {
  const [divisor, norm] = await clip([Float32Array.of(3, 0), Float32Array.of(-4)], 5);
  assert.equal([divisor, norm], [1, 5]);
  assert.equal(await clip([new Float32Array(9)], 1), [1, 0]);
});

test('the same gradients give the same bits', async () => {
  const arrays = randomArrays(MANY, 4);
  assert.equal(await clip(arrays, 1), await clip(arrays, 1));
});

test('what lies behind the last element does not count', async () => {
  // a recycled buffer still holds what was there before
  const used = engine.tensor(new Float32Array(64).fill(NaN), [64]);
  const memory = used.storage.memory.id;
  used.dispose();
  const found = await engine.fetch(() => {
    const grad = engine.tensor(Float32Array.of(2, 3, 6), [3]);
    assert.is(grad.storage.memory.id, memory);
    return { clip: clipDivisor({ grads: [grad], maxNorm: 3.5 }) };
  });
  assert.equal(Array.from(found.clip), [2, 7]);
});

test('a dispatch for each gradient, and one to finish', () => {
  const names = launched(engine, () => {
    clipDivisor({ grads: MANY.slice(0, 3).map((size) => engine.zeros([size])), maxNorm: 1 });
  });
  const squares = 'clip_norm.squares';
  assert.equal(names, [squares, squares, squares, 'clip_norm.finish']);
});

test('AdamW takes the result as its divisor', async () => {
  const state = { schedule: Float32Array.of(0.1, 0.05, 0.5), health: Uint32Array.of(0, 0) };
  const firstMoment = async (grad: number[], clipped: boolean): Promise<number[]> => {
    const parameter = engine.parameter('p', new Float32Array(2), [2], true);
    const { m } = await engine.fetch(() => {
      const gradient = engine.tensor(grad, [2]);
      const m = engine.zeros([2]);
      adamwStep({
        parameter,
        grad: gradient,
        m,
        v: engine.zeros([2]),
        schedule: engine.tensor(state.schedule, [3]),
        divisor: clipped ? clipDivisor({ grads: [gradient], maxNorm: 2.5 }) : engine.one(),
        health: engine.tensor(state.health, [2]),
        group: 0,
        beta1: 0.5,
        beta2: 0.9,
        eps: 1e-8,
        weightDecay: 0,
      });
      return { m };
    });
    parameter.dispose();
    return Array.from(m);
  };
  assert.equal(await firstMoment([3, -4], true), await firstMoment([1.5, -2], false));
  assert.equal(await firstMoment([0.3, -0.4], true), await firstMoment([0.3, -0.4], false));
});

test('no gradients and a norm that is no positive number are refused', () => {
  engine.scope(() => {
    const grads = [engine.zeros([3])];
    assert.match(errorOf(ShapeError, () => clipDivisor({ grads: [], maxNorm: 1 })).message, /no gradients/);
    for (const maxNorm of [0, -1, NaN, Infinity]) {
      const error = errorOf(ConfigError, () => clipDivisor({ grads, maxNorm }));
      assert.is(error.message, `gradient clipping: largest norm ${maxNorm}`);
      assert.match(error.hint, /positive/);
    }
  });
});

test.run();
