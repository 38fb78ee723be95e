import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { cast, concat, slice, split } from '../../../engine/ops/index.ts';
import { product, type Shape } from '../../../engine/shape.ts';
import type { Tensor } from '../../../engine/tensor.ts';
import { openEngine } from '../../support/device.ts';
import { evaluate, type Inputs, type Op } from './vjp.ts';

/** Parts of f16 tensors that begin or end inside a word of four bytes, which no command can copy. */
const test = suite('token gradients in f16');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

/** Whole numbers from `first` on, which f16 holds up to 2048. */
const whole = (shape: Shape, first = 1): Inputs[string] => ({
  shape,
  values: Float64Array.from({ length: product(shape) }, (_, i) => first + i),
});

const cases: Record<string, { inputs: Inputs; op: Op; outputs: number }> = {
  'concat of odd columns': {
    inputs: { a: whole([3, 3]), b: whole([3, 5], 50) },
    op: ({ a, b }) => concat({ parts: [a, b], axis: 1 }),
    outputs: 24,
  },
  'concat of odd rows': {
    inputs: { a: whole([1, 5]), b: whole([2, 5], 50) },
    op: ({ a, b }) => concat({ parts: [a, b], axis: 0 }),
    outputs: 15,
  },
  'slice of odd columns': {
    inputs: { x: whole([2, 5]) },
    op: ({ x }) => slice({ x, axis: 1, start: 1, length: 3 }),
    outputs: 6,
  },
  'slice of two of five columns': {
    inputs: { x: whole([2, 5]) },
    op: ({ x }) => slice({ x, axis: 1, start: 0, length: 2 }),
    outputs: 4,
  },
  'slice from the second of six columns on': {
    inputs: { x: whole([2, 6]) },
    op: ({ x }) => slice({ x, axis: 1, start: 1, length: 2 }),
    outputs: 4,
  },
  'slice of odd rows': {
    inputs: { x: whole([6, 3]) },
    op: ({ x }) => slice({ x, axis: 0, start: 1, length: 3 }),
    outputs: 9,
  },
  'split of odd columns': {
    inputs: { x: whole([2, 9]) },
    op: ({ x }) => split({ x, axis: 1, sizes: [3, 1, 5] }),
    outputs: 18,
  },
  'split of odd rows': {
    inputs: { x: whole([4, 7]) },
    op: ({ x }) => split({ x, axis: 0, sizes: [1, 3] }),
    outputs: 28,
  },
};

const castAll = (tensors: Record<string, Tensor>, dtype: 'f16' | 'f32') =>
  Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, cast({ x, dtype })]));

for (const [name, { inputs, op, outputs }] of Object.entries(cases)) {
  test(name, async () => {
    if (!engine.gpu.device.facts.f16) return;
    const halved: Op = (tensors) => {
      const ys = [op(castAll(tensors, 'f16'))].flat();
      for (const { dtype } of ys) assert.is(dtype, 'f16');
      return ys.map((x) => cast({ x, dtype: 'f32' }));
    };
    const dy = whole([outputs], 100).values;
    assert.equal(await evaluate(engine, inputs, halved, dy), await evaluate(engine, inputs, op, dy));
  });
}

test.run();
