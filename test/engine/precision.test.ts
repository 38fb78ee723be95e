import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { AdapterError } from '../../engine/errors.ts';
import { checkKernel, makeProblem } from '../../engine/gpu/check.ts';
import { requireF16 } from '../../engine/gpu/device.ts';
import { valueAndGrad } from '../../engine/grad.ts';
import { add, cast, linear, multiply, sumAll } from '../../engine/ops/index.ts';
import type { Parameter, Tensor } from '../../engine/tensor.ts';
import { convert } from '../../kernels/elementwise/convert.ts';
import type { AnyKernel, Stores } from '../../kernels/kernel.ts';
import { matmulNN, matmulNT, matmulTN } from '../../kernels/matmul/matmul.ts';
import { specialise } from '../../kernels/specialise.ts';
import { LossScale } from '../../train/loss_scale.ts';
import { AdamW } from '../../train/optimizer.ts';
import { updateParameters } from '../../train/step.ts';
import { checkFixture } from '../golden_check/run.ts';
import { openEngine } from '../support/device.ts';
import { errorOf } from '../support/error_of.ts';
import { goldenPath } from '../support/paths.ts';

/** Storing in f16. What needs the feature shader-f16 is left out where the adapter lacks it. */
const test = suite('precision');
let engine: Engine;
let half: boolean;
test.before(async () => {
  engine = await openEngine();
  half = engine.gpu.device.facts.f16;
});
test.after(() => engine.close());

test('without shader-f16, f16 is refused by name of adapter and feature', () => {
  const device = { ...engine.gpu.device, name: 'OldCard', facts: { ...engine.gpu.device.facts, f16: false } };
  const error = errorOf(AdapterError, () => requireF16(device));
  assert.match(error.message, 'OldCard lacks the WebGPU feature shader-f16');
  assert.match(error.hint, 'Leave --precision away');
});

test('the aliases of a shader are set one by one', () => {
  const text = 'alias a_t = f32;\nalias store_t = f32;\nvar x: a_t;';
  assert.is(specialise(text, {}, 'f32'), text);
  assert.is(
    specialise(text, {}, { a_t: 'f16' }),
    'enable f16; alias a_t = f16;\nalias store_t = f32;\nvar x: a_t;',
  );
  assert.match(specialise(text, {}, 'f16'), 'alias store_t = f16;');
});

test('f16 tensors take half the bytes and give back what they can hold', async () => {
  if (!half) return;
  const before = engine.stats().live;
  const values = Float32Array.of(1, -2.5, 65504, 1e-7, 0.1, 7, 1 / 3);
  const tensor = engine.empty([7, 4096], 'f16');
  assert.is(engine.stats().live - before, 7 * 4096 * 2);
  tensor.dispose();
  const small = engine.empty([7], 'f16');
  small.write(values);
  const [one, two, most, least, tenth, seven, third] = await small.read();
  assert.equal([one, two, most, seven], [1, -2.5, 65504, 7]);
  assert.ok(Math.abs(least - 2 ** -23) < 1e-12, 'the nearest subnormal');
  assert.ok(Math.abs(tenth - 0.1) < 0.1 / 2048 && Math.abs(third - 1 / 3) < 1 / 3 / 2048);
  small.dispose();
});

/** Kernels with the precisions that a training step mixes. */
const mixed: [AnyKernel, string, Stores][] = [
  [matmulNT, 'odd sum', { a_t: 'f16', store_t: 'f16' }],
  [matmulNT, 'odd columns', { a_t: 'f16', b_t: 'f16' }],
  [matmulNN, 'odd everything', { b_t: 'f16', store_t: 'f16' }],
  [matmulTN, 'odd sum', { a_t: 'f16', b_t: 'f16' }],
  [convert, 'odd', { store_t: 'f16' }],
  [convert, 'odd', { source_t: 'f16' }],
];
for (const [kernel, name, stores] of mixed) {
  test(`${kernel.name} ${name} with ${JSON.stringify(stores)}`, async () => {
    if (!half) return;
    const problem = makeProblem(kernel, kernel.cases[name], stores);
    for (const { buffer, error, allowed, ok } of await checkKernel(
      engine.gpu,
      problem,
      engine.gpu.tiles.defaultOf(kernel, problem.dims),
    )) {
      assert.ok(ok, `${buffer}: error ${error}, allowed ${allowed}`);
    }
  });
}

test('one kernel does not take two precisions for one alias', () => {
  if (!half) return;
  engine.scope(() => {
    const [a, b] = [engine.zeros([8], 'f16'), engine.zeros([8])];
    assert.throws(() => add({ a, b }), /elementwise.add in add: b holds f32, wanted f16/);
  });
});

test('gradients are stored as their tensors are, those of parameters in f32', async () => {
  if (!half) return;
  const weight = engine.parameter('w', Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 4], true);
  const x = engine.parameter('x', Float32Array.of(1, 0.5, -1, 2), [1, 4], true);
  const { value, grads } = valueAndGrad(
    engine,
    [weight, x],
    () => {
      const y = linear({ x: cast({ x, dtype: 'f16' }), weight });
      assert.is(y.dtype, 'f16');
      return sumAll({ x: cast({ x: multiply({ a: y, b: y }), dtype: 'f32' }) });
    },
    engine.tensor([8], [1]),
  );
  // y = (7, 17): L = y^2, dL/dy = 2 y, times the seed of 8
  assert.is(await value.item(), 7 * 7 + 17 * 17);
  assert.equal(
    [...(await grads.get(x)!.read())],
    [1, 2, 3, 4].map((v, i) => 8 * (14 * v + 34 * (i + 5))),
  );
  const rows = [14, 34].flatMap((dy) => [1, 0.5, -1, 2].map((v) => 8 * dy * v));
  assert.equal([...(await grads.get(weight)!.read())], rows);
  assert.equal([grads.get(x)!.dtype, grads.get(weight)!.dtype], ['f32', 'f32']);
});

interface Outcome {
  parameters: number[];
  scale: number;
  health: number[];
}

/** One update of parameters of 1, each in a block of its own, with a learning rate of 0.5 and a loss scale. */
async function update(scale: number, streak: number, ...values: number[]): Promise<Outcome> {
  const parameters = values.map((_, i) => engine.parameter(`p${i}`, Float32Array.of(1), [1], true));
  const rules = parameters.map(({ name }, i) => ({ key: name, lrMultiple: i + 1 }));
  const settings = { lr: 0.5, weightDecay: 0, rules, betas: [0, 0] as const, eps: 1e-12 };
  const optimizer = Object.assign(new AdamW(engine, parameters, settings), {
    lossScale: new LossScale(engine),
  });
  optimizer.lossScale.restore([scale, streak]);
  const health = engine.zeros([2], 'u32');
  const random = engine.tensor(Uint32Array.of(0, 0, 41, 0), [4]);
  optimizer.begin(() => 0.5);
  const grads = new Map<Parameter, Tensor>(
    parameters.map((parameter, i) => [parameter, engine.tensor([values[i]], [1])]),
  );
  engine.scope(() => updateParameters(optimizer, grads, engine.one(), { random, health }));
  const [now] = (await optimizer.lossScale.values()).data;
  const found: number[] = [];
  for (const parameter of parameters) found.push(await parameter.item());
  return { parameters: found, scale: Number(now), health: [...(await health.read())] };
}

test('a finite step is taken and keeps the scale; the two thousandth doubles it', async () => {
  assert.equal(await update(1024, 7, 3), { parameters: [0.5], scale: 1024, health: [0, 0] });
  assert.equal(await update(1024, 1999, 3), { parameters: [0.5], scale: 2048, health: [0, 0] });
  assert.equal(await update(1024, 7, 3, -2), { parameters: [0.5, 1.5], scale: 1024, health: [0, 0] });
});

test('a step that overflows changes nothing and halves the scale', async () => {
  for (const grad of [Infinity, -Infinity, NaN]) {
    assert.equal(await update(1024, 1999, grad), { parameters: [1], scale: 512, health: [0, 0] });
  }
});

test('an overflow in any block of parameters skips the update of all', async () => {
  for (const grads of [
    [NaN, 3, 3],
    [3, Infinity, 3],
    [3, 3, NaN],
  ]) {
    assert.equal(await update(1024, 7, ...grads), { parameters: [1, 1, 1], scale: 512, health: [0, 0] });
  }
});

test('an overflow without any scale left is a bad step', async () => {
  assert.equal(await update(1, 0, NaN), { parameters: [1], scale: 1, health: [1, 41] });
});

test('a whole golden training step in f16', async () => {
  if (!half) return;
  const other = await openEngine({ precision: 'f16' });
  try {
    const stem = goldenPath('v3_ignored_and_novel');
    const { all, failures } = await checkFixture(other, stem);
    assert.equal(failures, []);
    const worst = Math.max(...all.filter(({ group }) => group === 'forward').map(({ error }) => error));
    assert.ok(worst > 1e-4, `the errors are those of f32: ${worst}`);
  } finally {
    await other.close();
  }
});

test.run();
