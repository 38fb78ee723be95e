import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { ConfigError } from '../../engine/errors.ts';
import { dropout, dropoutCopies } from '../../engine/ops/index.ts';
import { openEngine } from '../support/device.ts';
import { evaluate, values } from './gradients/vjp.ts';

const test = suite('dropout');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

const COUNT = 40_003;

interface Draw {
  seed?: number;
  step?: number;
  op?: number;
  probability?: number;
}

/** Which of COUNT elements survive, 1 or 0, and what they become when x is 1. */
async function mask({
  seed = 5,
  step = 0,
  op = 0,
  probability = 0.1,
}: Draw): Promise<{ kept: number[]; value: number }> {
  const { y } = await engine.fetch(() => {
    const x = engine.tensor(new Float32Array(COUNT).fill(1), [COUNT]);
    const random = engine.tensor(Uint32Array.of(seed, 0, step, 0), [4]);
    return { y: dropout({ x, probability, random, op }) };
  });
  const value = y.find((v) => v !== 0) ?? 0;
  assert.ok(
    y.every((v) => v === 0 || v === value),
    'survivors are scaled alike',
  );
  return { kept: Array.from(y, (v) => (v === 0 ? 0 : 1)), value };
}

const share = (kept: readonly number[]): number => kept.reduce((s, v) => s + v, 0) / kept.length;

/** Asserts that a share of COUNT independent draws is within 4 standard deviations of its expectation. */
function near(found: number, expected: number, what: string): void {
  const deviation = Math.sqrt((expected * (1 - expected)) / COUNT);
  assert.ok(
    Math.abs(found - expected) < 4 * deviation,
    `${what}: ${found}, wanted ${expected} +- ${4 * deviation}`,
  );
}

for (const probability of [0.1, 0.5, 0.9]) {
  test(`drops a share of ${probability} and scales the others by 1 / (1 - p)`, async () => {
    const { kept, value } = await mask({ probability });
    near(share(kept), 1 - probability, 'share kept');
    assert.ok(Math.abs(value * (1 - probability) - 1) < 1e-6, `survivors become ${value}`);
  });
}

test('neighbours and halves are independent', async () => {
  const { kept } = await mask({ probability: 0.5 });
  for (const distance of [1, 2, 3, 4, 32, 128, 768]) {
    const agree = kept.map((v, i) => (v === kept[(i + distance) % COUNT] ? 1 : 0));
    near(share(agree), 0.5, `agreement at distance ${distance}`);
  }
});

test('the same seed, step and op give the same mask; another one of them gives an independent mask', async () => {
  const draw = { seed: 1, step: 10, op: 3, probability: 0.5 };
  const { kept } = await mask(draw);
  assert.equal((await mask(draw)).kept, kept);
  for (const change of [{ seed: 2 }, { step: 11 }, { op: 4 }, { seed: 10, step: 1 }]) {
    const other = await mask({ ...draw, ...change });
    near(
      share(kept.map((v, i) => (v === other.kept[i] ? 1 : 0))),
      0.5,
      `agreement with ${JSON.stringify(change)}`,
    );
  }
});

test('backward draws the same mask', async () => {
  const probability = 0.3;
  const inputs = { x: values([7, 131], 1) };
  const dy = values([7, 131], 2).values;
  const random = engine.tensor(Uint32Array.of(8, 9, 10, 0), [4]);
  const { y, gradients } = await evaluate(
    engine,
    inputs,
    ({ x }) => dropout({ x, probability, random, op: 6 }),
    dy,
  );
  y.forEach((v, i) => {
    const wanted = v === 0 ? 0 : dy[i] / (1 - probability);
    assert.ok(Math.abs(gradients.x[i] - wanted) < 1e-6, `element ${i}: ${gradients.x[i]}, wanted ${wanted}`);
  });
  assert.ok(y.includes(0) && y.some((v) => v !== 0));
  random.dispose();
});

test('a residual is added, and its gradient is that of the result', async () => {
  const inputs = { x: values([7, 13], 1), residual: values([7, 13], 3) };
  const dy = values([7, 13], 2).values;
  const random = engine.tensor(Uint32Array.of(8, 9, 10, 0), [4]);
  const mask = { probability: 0.3, random, op: 6 };
  const alone = await evaluate(engine, { x: inputs.x }, ({ x }) => dropout({ x, ...mask }), dy);
  const { y, gradients } = await evaluate(
    engine,
    inputs,
    ({ x, residual }) => dropout({ x, residual, ...mask }),
    dy,
  );
  y.forEach((v, i) => {
    assert.ok(Math.abs(v - alone.y[i] - inputs.residual.values[i]) < 1e-6, `element ${i}`);
  });
  assert.equal(gradients, { x: alone.gradients.x, residual: dy });
  random.dispose();
});

test('copies have masks of their own and add up their gradients', async () => {
  const [items, copies, block] = [2, 3, 5 * 7];
  const inputs = { x: values([items, 5, 7], 1) };
  const dy = values([items, copies, 5, 7], 2).values;
  const random = engine.tensor(Uint32Array.of(8, 9, 10, 0), [4]);
  const mask = { probability: 0.3, random, op: 6 };
  const found = await evaluate(engine, inputs, ({ x }) => dropoutCopies({ x, copies, ...mask }), dy);
  const repeated = Float64Array.from({ length: items * copies * block }, (_, i) => {
    return inputs.x.values[Math.floor(i / (copies * block)) * block + (i % block)];
  });
  // the masks are those of as many elements side by side
  const flat = { x: { shape: [items * copies * block], values: repeated } };
  const wanted = await evaluate(engine, flat, ({ x }) => dropout({ x, ...mask }), dy);
  assert.equal(found.y, wanted.y);
  found.gradients.x.forEach((v, i) => {
    const first = Math.floor(i / block) * copies * block + (i % block);
    const sum = [0, 1, 2].reduce((s, c) => s + wanted.gradients.x[first + c * block], 0);
    assert.ok(Math.abs(v - sum) < 1e-6, `element ${i}: ${v}, wanted ${sum}`);
  });
  random.dispose();
});

test('probability 0 changes nothing', async () => {
  const { kept, value } = await mask({ probability: 0 });
  assert.is(share(kept), 1);
  assert.is(value, 1);
});

test('a probability outside [0, 1) and a random state of another size are refused', () => {
  const x = engine.zeros([3]);
  const random = engine.zeros([4], 'u32');
  for (const probability of [-0.1, 1, Number.NaN]) {
    assert.throws(
      () => dropout({ x, probability, random, op: 0 }),
      (error: Error) =>
        error instanceof ConfigError && error.message === `dropout: dropout probability ${probability}`,
    );
  }
  assert.throws(
    () => dropout({ x, probability: 0.1, random: x, op: 0 }),
    /dropout: random is \(3\), wanted \(4\)/,
  );
  x.dispose();
  random.dispose();
});

test.run();
