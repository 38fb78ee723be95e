import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { worstError } from '../../../engine/gpu/run.ts';
import { defineOp } from '../../../engine/op.ts';
import { layernorm, linear, quickGelu, scale, slice } from '../../../engine/ops/index.ts';
import { product } from '../../../engine/shape.ts';
import type { Tensor } from '../../../engine/tensor.ts';
import { openEngine } from '../../support/device.ts';
import { evaluate, type Inputs, type Op, values } from './vjp.ts';

const test = suite('gradients that meet');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

interface Case {
  inputs: Inputs;
  op: Op;
  /** Of the op's output. */
  shape: number[];
  /** The inputs that are used a second time. */
  shared: string[];
}

const eps = 1e-5;
const rows = { x: values([3, 5, 8], 1), gamma: values([8], 2), beta: values([8], 3) };
const cases: Record<string, Case> = {
  layernorm: {
    inputs: rows,
    op: ({ x, gamma, beta }) => layernorm({ x, gamma, beta, eps }),
    shape: [3, 5, 8],
    shared: ['x', 'gamma', 'beta'],
  },
  'layernorm, its scale alone': {
    inputs: rows,
    op: ({ x, gamma, beta }) => layernorm({ x, gamma, beta, eps }),
    shape: [3, 5, 8],
    shared: ['gamma'],
  },
  'layernorm, odd rows': {
    inputs: { x: values([7, 13], 1), gamma: values([13], 2), beta: values([13], 3) },
    op: ({ x, gamma, beta }) => layernorm({ x, gamma, beta, eps }),
    shape: [7, 13],
    shared: ['x', 'beta'],
  },
  slice: {
    inputs: { x: values([9, 7, 4], 1) },
    op: ({ x }) => slice({ x, axis: 1, start: 2, length: 3 }),
    shape: [9, 3, 4],
    shared: ['x'],
  },
  'slice, odd width': {
    inputs: { x: values([2, 7, 5], 1) },
    op: ({ x }) => slice({ x, axis: 1, start: 2, length: 5 }),
    shape: [2, 5, 5],
    shared: ['x'],
  },
  linear: {
    inputs: { x: values([3, 5, 8], 1), weight: values([12, 8], 2), bias: values([12], 3) },
    op: ({ x, weight, bias }) => linear({ x, weight, bias, activation: 'relu' }),
    shape: [3, 5, 12],
    shared: ['x'],
  },
};

for (const [name, { inputs, op, shape, shared }] of Object.entries(cases)) {
  test(`${name}: the gradient that came before is added in the same dispatch`, async () => {
    const dy = values(shape, 7).values;
    const others = shared.map((input, i) => values(inputs[input].shape, 20 + i).values);
    const alone = (await evaluate(engine, inputs, op, dy)).gradients;
    const all = Float64Array.of(...dy, ...others.flatMap((other) => [...other]));
    // what is recorded later is differentiated earlier
    const both: Op = (tensors) => [
      op(tensors) as Tensor,
      ...shared.map((input) => scale({ x: tensors[input], factor: 1 })),
    ];
    let found: Record<string, Float64Array> = {};
    const kernels = await launchedBy(async () => {
      found = (await evaluate(engine, inputs, both, all)).gradients;
    });
    assert.not.ok(kernels.includes('elementwise.add'), kernels.join(', '));
    for (const input of Object.keys(inputs)) {
      const other = others[shared.indexOf(input)];
      const wanted = alone[input].map((v, i) => v + (other ? other[i] : 0));
      assert.is(found[input].length, product(inputs[input].shape));
      assert.ok(worstError(found[input], wanted) < 5e-7, `${input}: ${worstError(found[input], wanted)}`);
    }
  });
}

async function launchedBy(body: () => Promise<void>): Promise<string[]> {
  const names: string[] = [];
  const { trace } = engine;
  engine.trace = (kernel) => {
    names.push(kernel);
  };
  try {
    await body();
  } finally {
    engine.trace = trace;
  }
  return names;
}

test('a slice of everything adds the gradient that came before', async () => {
  const whole: Op = ({ x }) => [
    slice({ x, axis: 1, start: 0, length: 7 }),
    scale({ x, factor: 1 }),
    slice({ x, axis: 1, start: 0, length: 7 }),
  ];
  const dys = [7, 8, 9].map((seed) => values([3, 7, 4], seed).values);
  const all = Float64Array.from(dys.flatMap((dy) => [...dy]));
  const { gradients } = await evaluate(engine, { x: values([3, 7, 4], 1) }, whole, all);
  const wanted = dys[0].map((v, i) => v + dys[1][i] + dys[2][i]);
  assert.ok(worstError(gradients.x, wanted) < 5e-7, `${worstError(gradients.x, wanted)}`);
});

test('an input that is given twice gets both gradients and the one before', async () => {
  const x = values([4, 8], 1);
  const weight = values([8, 8], 2);
  const dy = values([4, 8], 3).values;
  const other = values([4, 8], 4).values;
  const twice: Op = (tensors) => [
    linear({ x: tensors.x, weight: tensors.weight, residual: tensors.x }),
    scale({ x: tensors.x, factor: 1 }),
  ];
  const inputs = { x, weight };
  const { gradients } = await evaluate(engine, inputs, twice, Float64Array.of(...dy, ...other));
  const wanted = Float64Array.from(dy, (v, i) => {
    const [row, column] = [Math.floor(i / 8), i % 8];
    let sum = v + other[i];
    for (let o = 0; o < 8; o++) sum += dy[8 * row + o] * weight.values[8 * o + column];
    return sum;
  });
  assert.ok(worstError(gradients.x, wanted) < 1e-6);
});

test('a backward pass that fails after it took a gradient lets go of it', async () => {
  const failing = defineOp({
    name: 'failing',
    forward: ({ x }: { x: Tensor }) => ({ output: engine.view(x, x.shape), save: null }),
    adds: ['x'],
    vjp: () => {
      throw new Error('no gradient today');
    },
  });
  const before = engine.stats().live;
  const inputs = { x: values([4], 1) };
  const op: Op = ({ x }) => {
    const h = quickGelu({ x });
    return [failing({ x: h }), scale({ x: h, factor: 2 })];
  };
  await evaluate(engine, inputs, op, values([8], 2).values).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /no gradient today/),
  );
  // the parameter itself stays
  assert.is(engine.stats().live, before + 256);
});

test.run();
