import * as check from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { ShapeError } from '../../../engine/errors.ts';
import { valueAndGrad } from '../../../engine/grad.ts';
import { broadcastTo, concat, slice, split, sumAll, tokensWithPrompts } from '../../../engine/ops/index.ts';
import type { Shape } from '../../../engine/shape.ts';
import type { Tensor } from '../../../engine/tensor.ts';
import { openEngine } from '../../support/device.ts';
import { checkOp, launched, values } from './vjp.ts';

const test = suite('token gradients');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

/** Positions start .. start + length - 1 of an axis, element by element. */
function cut(x: ArrayLike<number>, shape: Shape, axis: number, start: number, length: number): number[] {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  return Array.from(x).filter((_, i) => {
    const position = Math.floor(i / inner) % shape[axis];
    return position >= start && position < start + length;
  });
}

/** Joins three-dimensional parts along an axis, element by element. */
function join(parts: ArrayLike<number>[], shapes: Shape[], axis: number): number[] {
  const outer = shapes[0].slice(0, axis).reduce((a, b) => a * b, 1);
  const joined: number[] = [];
  for (let o = 0; o < outer; o++) {
    for (const part of parts) {
      const each = part.length / outer;
      joined.push(...Array.from(part).slice(o * each, (o + 1) * each));
    }
  }
  return joined;
}

for (const [axis, shapes] of [
  [
    0,
    [
      [2, 3, 4],
      [1, 3, 4],
      [5, 3, 4],
    ],
  ],
  [
    1,
    [
      [2, 3, 4],
      [2, 1, 4],
    ],
  ],
  [
    1,
    [
      [2, 3, 5],
      [2, 1, 5],
      [2, 2, 5],
      [2, 4, 5],
      [2, 1, 5],
      [2, 1, 5],
      [2, 7, 5],
      [2, 1, 5],
      [2, 1, 5],
    ],
  ],
  [
    2,
    [
      [2, 3, 4],
      [2, 3, 8],
      [2, 3, 12],
    ],
  ],
  [
    2,
    [
      [2, 3, 1],
      [2, 3, 7],
    ],
  ],
  [1, [[2, 3, 4]]],
] as const) {
  const names = shapes.map((_, i) => `part${i}`);
  test(`concat of ${shapes.length} along ${axis}`, () =>
    checkOp(
      engine,
      Object.fromEntries(shapes.map((shape, i) => [names[i], values(shape, 1 + i)])),
      (t) => concat({ parts: names.map((name) => t[name]), axis }),
      (host) =>
        join(
          names.map((name) => host[name]),
          [...shapes],
          axis,
        ),
      0,
    ));
}

for (const [shape, axis, start, length] of [
  [[3, 7, 4], 1, 2, 3],
  [[3, 7, 5], 1, 0, 1],
  [[3, 7, 5], 2, 1, 4],
  [[3, 7, 8], 2, 4, 4],
  [[6, 2], 0, 5, 1],
  [[6, 2], 0, 0, 6],
  // shown, not copied
  [[6, 64], 0, 2, 3],
  // too many pieces for copies
  [[9, 7, 4], 1, 2, 3],
  [[9, 7, 5], 1, 2, 3],
] as const) {
  test(`slice ${start}+${length} of axis ${axis} of ${shape.join(' x ')}`, () =>
    checkOp(
      engine,
      { x: values(shape, 2) },
      (t) => slice({ x: t.x, axis, start, length }),
      ({ x }) => cut(x, shape, axis, start, length),
      0,
    ));
}

for (const [shape, axis, sizes] of [
  [[2, 3, 12], 2, [4, 4, 4]],
  [[2, 9, 3], 1, [1, 5, 3]],
  [[5, 1, 4], 0, [1, 1, 1, 1, 1]],
  [[5, 1, 64], 0, [1, 3, 1]],
  [[10, 9, 3], 1, [1, 5, 3]],
] as const) {
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a: number, b) => a + b, 0));
  test(`split of axis ${axis} of ${shape.join(' x ')}`, () =>
    checkOp(
      engine,
      { x: values(shape, 3) },
      (t) => split({ x: t.x, axis, sizes }),
      ({ x }) => sizes.flatMap((size, i) => cut(x, shape, axis, starts[i], size)),
      0,
    ));
}

test('a part of a split that gets no gradient counts as zero', async () => {
  const x = engine.parameter('x', new Float32Array(12), [2, 6], true);
  const { dx } = await engine.fetch(() => {
    const { grads } = valueAndGrad(engine, [x], () => {
      const [, middle] = split({ x, axis: 1, sizes: [1, 3, 2] });
      return sumAll({ x: middle });
    });
    return { dx: grads.get(x) as Tensor };
  });
  assert.equal(Array.from(dx), [0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0]);
  x.dispose();
});

test('concat, slice and split name what does not fit', () => {
  const x = engine.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  const y = engine.tensor([1, 2], [2]);
  const refuses = (body: () => unknown, message: string): void =>
    assert.throws(body, (error: Error) => error instanceof ShapeError && error.message === message);
  refuses(() => concat({ parts: [x, y], axis: 0 }), 'concat: (2) beside (2, 3) along axis 0');
  refuses(() => concat({ parts: [x], axis: 2 }), 'concat: axis 2 of (2, 3)');
  refuses(() => slice({ x, axis: 1, start: 2, length: 2 }), 'slice: 2 to 4 on axis 1 of (2, 3)');
  refuses(() => slice({ x, axis: 2, start: 0, length: 1 }), 'slice: 0 to 1 on axis 2 of (2, 3)');
  refuses(() => split({ x, axis: 1, sizes: [1, 1] }), 'split: parts of 1 + 1 on axis 1 of (2, 3)');
  x.dispose();
  y.dispose();
});

for (const [what, batch, width, kept, skip, count, shared] of [
  ['inserts', 2, 8, 5, 0, 3, false],
  ['inserts shared prompts', 3, 8, 5, 0, 3, true],
  ['replaces', 2, 5, 4, 3, 3, false],
  ['replaces by more, shared', 2, 5, 4, 2, 3, true],
  ['replaces in a batch of one, shared', 1, 4, 4, 2, 2, true],
  ['inserts in a large batch', 9, 8, 5, 0, 3, false],
  ['replaces by more in a large batch, shared', 9, 5, 4, 2, 3, true],
] as const) {
  const tokens = 1 + skip + kept;
  test(`tokensWithPrompts ${what}`, () =>
    checkOp(
      engine,
      {
        x: values([batch, tokens, width], 4),
        prompts: values(shared ? [count, width] : [batch, count, width], 5),
      },
      (t) => tokensWithPrompts({ x: t.x, prompts: t.prompts, skip }),
      ({ x, prompts }) =>
        Array.from({ length: batch }, (_, b) => {
          const own = Array.from(x).slice(b * tokens * width, (b + 1) * tokens * width);
          const inserted = shared ? prompts : prompts.subarray(b * count * width, (b + 1) * count * width);
          return [...own.slice(0, width), ...inserted, ...own.slice((1 + skip) * width)];
        }).flat(),
      1e-6,
    ));
}

test('tokensWithPrompts without prompts drops tokens', () =>
  checkOp(
    engine,
    { x: values([2, 6, 3], 6) },
    (t) => tokensWithPrompts({ x: t.x, prompts: null, skip: 2 }),
    ({ x }) => Array.from(x).filter((_, i) => ![1, 2].includes(Math.floor(i / 3) % 6)),
    0,
  ));

test('tokensWithPrompts names what does not fit', () => {
  const x = engine.zeros([2, 4, 3]);
  const prompts = engine.zeros([2, 2]);
  assert.throws(
    () => tokensWithPrompts({ x, prompts: null, skip: 4 }),
    /tokensWithPrompts: skip 4 of x \(2, 4, 3\)/,
  );
  assert.throws(() => tokensWithPrompts({ x, prompts, skip: 0 }), /prompts is \(2, 2\), wanted \(any, 3\)/);
  x.dispose();
  prompts.dispose();
});

test('tokensWithPrompts computes only the gradients that are wanted', () => {
  const x = engine.parameter('x', new Float32Array(108), [9, 4, 3], false);
  const prompts = engine.parameter('prompts', new Float32Array(3), [1, 3], true);
  const kernels = launched(engine, () => {
    valueAndGrad(engine, [prompts], () => sumAll({ x: tokensWithPrompts({ x, prompts, skip: 1 }) }));
  });
  // one forward, one for the gradient of the sum, one for the prompts' slice
  assert.is(kernels.filter((name) => name === 'tokens.assemble').length, 3);
  x.dispose();
  prompts.dispose();
});

test('broadcastTo repeats and its gradient sums', () =>
  checkOp(
    engine,
    { x: values([3, 5], 7) },
    (t) => broadcastTo({ x: t.x, batch: 4 }),
    ({ x }) => Array.from({ length: 4 }, () => Array.from(x)).flat(),
    1e-6,
  ));

test('concat undoes split, and removing prompts undoes inserting them, whatever the sizes', async () => {
  const size = check.integer({ min: 1, max: 6 });
  const sizes = check.array(size, { minLength: 1, maxLength: 7 });
  const undone = check.asyncProperty(size, sizes, size, async (outer, lengths, inner) => {
    const total = lengths.reduce((a, b) => a + b, 0);
    const data = values([outer, total, inner], total).values;
    const { joined, restored } = await engine.fetch(() => {
      const x = engine.tensor(Float32Array.from(data), [outer, total, inner]);
      const prompts = engine.zeros([lengths.length, inner]);
      const longer = tokensWithPrompts({ x, prompts, skip: 0 });
      return {
        joined: concat({ parts: split({ x, axis: 1, sizes: lengths }), axis: 1 }),
        restored: tokensWithPrompts({ x: longer, prompts: null, skip: lengths.length }),
      };
    });
    assert.equal(Float64Array.from(joined), data);
    assert.equal(Float64Array.from(restored), data);
  });
  await check.assert(undone, { numRuns: 40, seed: 1 });
});

test.run();
