import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { ShapeError } from '../../../engine/errors.ts';
import { valueAndGrad } from '../../../engine/grad.ts';
import {
  add,
  addScalar,
  gaussianSum,
  l2norm,
  layernorm,
  multiply,
  quickGelu,
  relationship,
  scale,
  softmax,
  sumAll,
} from '../../../engine/ops/index.ts';
import type { Tensor } from '../../../engine/tensor.ts';
import { quickGeluReference } from '../../../kernels/activation/activation.ts';
import { layernormForward } from '../../../kernels/layernorm/layernorm.ts';
import { relationshipReference } from '../../../kernels/relationship/relationship.ts';
import { softmaxReference } from '../../../kernels/softmax/softmax.ts';
import { openEngine } from '../../support/device.ts';
import { checkOp, type Host, type Inputs, launched, values } from './vjp.ts';

const test = suite('pointwise gradients');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

const plus = ({ a, b }: Host): Float64Array => a.map((v, i) => v + b[i % b.length]);
const times = ({ a, b }: Host): Float64Array => a.map((v, i) => v * b[i % b.length]);

for (const [what, a, b] of [
  ['one shape', [3, 5, 7], [3, 5, 7]],
  ['last axis', [3, 5, 8], [8]],
  ['last two axes, odd', [3, 5, 7], [5, 7]],
  ['a single number', [3, 5, 7], [1]],
  ['a batch of one', [1, 5, 7], [5, 7]],
] as const) {
  const inputs: Inputs = { a: values(a, 1), b: values(b, 2) };
  test(`add: ${what}`, () => checkOp(engine, inputs, (t) => add({ a: t.a, b: t.b }), plus));
  test(`multiply: ${what}`, () => checkOp(engine, inputs, (t) => multiply({ a: t.a, b: t.b }), times));
}

test('add and multiply name the shapes that do not fit', () => {
  const a = engine.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  const b = engine.tensor([1, 2], [2]);
  assert.throws(
    () => add({ a, b }),
    (error: Error) =>
      error instanceof ShapeError && error.message === 'add: b (2) fits neither a (2, 3) nor its last axes',
  );
  assert.throws(() => multiply({ a: b, b: a }), /multiply: b \(2, 3\) fits neither a \(2\)/);
  a.dispose();
  b.dispose();
});

test('addScalar moves every element and its gradient is the sum', async () => {
  const inputs: Inputs = { x: values([4, 9], 3), scalar: values([1], 4) };
  await checkOp(
    engine,
    inputs,
    (t) => addScalar({ x: t.x, scalar: t.scalar }),
    ({ x, scalar }) => x.map((v) => v + scalar[0]),
  );
  const x = engine.tensor([1, 2], [2]);
  assert.throws(() => addScalar({ x, scalar: x }), /addScalar: scalar is \(2\), wanted \(1\)/);
  x.dispose();
});

test('scale', () =>
  checkOp(
    engine,
    { x: values([5, 7], 5) },
    (t) => scale({ x: t.x, factor: -2.5 }),
    ({ x }) => x.map((v) => -2.5 * v),
  ));

test('quickGelu', () =>
  checkOp(
    engine,
    { x: values([6, 11], 6, 5) },
    (t) => quickGelu({ x: t.x }),
    ({ x }) => x.map(quickGeluReference),
    2e-6,
  ));

test('quickGelu stays finite for large inputs', async () => {
  const { y } = await engine.fetch(() => ({
    y: quickGelu({ x: engine.tensor([-1e4, -500, 500, 1e4], [4]) }),
  }));
  assert.ok(Math.abs(y[0]) < 1e-20 && Math.abs(y[1]) < 1e-20, `${y}`);
  assert.equal(Array.from(y.subarray(2)), [500, 1e4]);
});

for (const shape of [
  [3, 4, 24],
  [5, 33],
  [2, 1],
]) {
  const cols = shape[shape.length - 1];
  const rows = shape.slice(0, -1).reduce((a, b) => a * b);
  test(`l2norm ${shape.join(' x ')}`, () =>
    checkOp(
      engine,
      { x: values(shape, 8) },
      (t) => l2norm({ x: t.x }),
      ({ x }) => x.map((v, i) => v / Math.hypot(...row(x, i, cols))),
      2e-6,
    ));
  test(`softmax ${shape.join(' x ')}`, () =>
    checkOp(
      engine,
      { x: values(shape, 9, 4) },
      (t) => softmax({ x: t.x }),
      ({ x }) => softmaxReference({ rows, cols }, x),
      2e-6,
    ));
  if (cols === 1) continue;
  test(`layernorm ${shape.join(' x ')}`, () =>
    checkOp(
      engine,
      { x: values(shape, 10), gamma: values([cols], 11), beta: values([cols], 12) },
      (t) => layernorm({ x: t.x, gamma: t.gamma, beta: t.beta, eps: 1e-5 }),
      (host) => layernormForward.reference({ rows, cols, eps: 1e-5 }, host).y,
      3e-6,
    ));
}

function row(x: Float64Array, i: number, cols: number): Float64Array {
  const begin = Math.floor(i / cols) * cols;
  return x.subarray(begin, begin + cols);
}

for (const count of [1, 3, 4, 6, 9]) {
  const layers = Array.from({ length: count }, (_, l) => `layer${l}`);
  const inputs: Inputs = Object.fromEntries(layers.map((name, l) => [name, values([3, 37], 20 + l)]));
  test(`gaussianSum of ${count}`, () =>
    checkOp(
      engine,
      { ...inputs, weights: values([count], 30) },
      (t) => gaussianSum({ layers: layers.map((name) => t[name]), weights: t.weights }),
      (host) =>
        host.layer0.map((_, i) => layers.reduce((s, name, l) => s + host.weights[l] * host[name][i], 0)),
    ));
}

test('gaussianSum wants one weight a layer and equal shapes', () => {
  const x = engine.tensor([1, 2, 3], [3]);
  const y = engine.tensor([1, 2], [2]);
  assert.throws(
    () => gaussianSum({ layers: [x, x], weights: x }),
    /weights are \(3\), wanted one for each of 2 layers/,
  );
  assert.throws(
    () => gaussianSum({ layers: [x, y], weights: y }),
    /gaussianSum: layer is \(2\), wanted \(3\)/,
  );
  x.dispose();
  y.dispose();
});

test('gaussianSum gives gradients only where they are wanted', () => {
  const frozen = engine.parameter('frozen', new Float32Array(8), [8], false);
  const layer = engine.parameter('layer', new Float32Array(8), [8], true);
  const weights = engine.parameter('weights', new Float32Array(2), [2], false);
  const kernels = launched(engine, () => {
    valueAndGrad(engine, [layer], () => sumAll({ x: gaussianSum({ layers: [frozen, layer], weights }) }));
  });
  assert.is(kernels.filter((name) => name === 'gaussian_sum.layer').length, 1);
  assert.not(kernels.includes('gaussian_sum.dots'));
  for (const parameter of [frozen, layer, weights]) parameter.dispose();
});

for (const { images, classes, width } of [
  { images: 3, classes: 5, width: 12 },
  { images: 1, classes: 2, width: 7 },
]) {
  test(`relationship of ${images} images, ${classes} classes, width ${width}`, () =>
    checkOp(
      engine,
      { text: values([classes, width], 13), global: values([images, width], 14) },
      (t) => relationship({ text: t.text, global: t.global }),
      (host) => relationshipReference({ images, classes, width }, host).y,
    ));
}

test('relationship leaves the gradient of frozen text alone', () => {
  const text = engine.parameter('text', new Float32Array(6), [2, 3], false);
  const global = engine.parameter('global', new Float32Array(3), [1, 3], true);
  const kernels = launched(engine, () => {
    valueAndGrad(engine, [global], () => sumAll({ x: relationship({ text, global }) }));
  });
  assert.ok(kernels.includes('relationship.global'));
  assert.not(kernels.includes('relationship.text'));
  text.dispose();
  global.dispose();
});

for (const shape of [[1], [7, 3], [5, 40, 13]]) {
  test(`sumAll ${shape.join(' x ')}`, () =>
    checkOp(
      engine,
      { x: values(shape, 15) },
      (t) => sumAll({ x: t.x }),
      ({ x }) => [x.reduce((s, v) => s + v, 0)],
      3e-6,
    ));
}

test('sums have the same bits every time', async () => {
  const x = engine.tensor(Float32Array.from(values([100003], 16, 1000).values), [100003]);
  const sum = async (): Promise<number> => {
    const { y } = await engine.fetch((): Record<'y', Tensor> => ({ y: sumAll({ x }) }));
    return y[0];
  };
  const first = await sum();
  for (let i = 0; i < 5; i++) assert.is(await sum(), first);
  x.dispose();
});

test.run();
