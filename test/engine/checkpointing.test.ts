import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { valueAndGrad } from '../../engine/grad.ts';
import { add, layernorm, linear, multiply, quickGelu, scale, sumAll } from '../../engine/ops/index.ts';
import { Random } from '../../engine/random.ts';
import { recompute } from '../../engine/recompute.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { ModelConfig } from '../../model/config.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { ParameterStore } from '../../model/store.ts';
import { type StepContext, stepGradients } from '../../train/step.ts';
import { openEngine } from '../support/device.ts';

const test = suite('recomputed activations');
let plain: Engine;
let saving: Engine;
test.before(async () => {
  plain = await openEngine();
  saving = await openEngine({ checkpointing: true });
});
test.after(async () => {
  await plain.close();
  await saving.close();
});

/** Loss and gradients in bits, and the most bytes on loan meanwhile. */
interface Outcome {
  bits: Record<string, string>;
  peak: number;
}

async function bitsOf(tensor: Tensor): Promise<string> {
  return Buffer.from((await tensor.read()).buffer).toString('hex');
}

/** Residual blocks whose parameters, input and result are also used outside. */
async function blocks(engine: Engine): Promise<Outcome> {
  const random = new Random(4);
  const drawn = (name: string, shape: number[]) => {
    const count = shape.reduce((a, b) => a * b);
    const values = Float32Array.from({ length: count }, () => random.normal());
    return engine.parameter(name, values, shape, true);
  };
  const [start, gamma, beta] = [drawn('start', [40, 64]), drawn('gamma', [64]), drawn('beta', [64])];
  const [wide, narrow] = [drawn('wide', [256, 64]), drawn('narrow', [64, 256])];
  const parameters = [start, gamma, beta, wide, narrow];
  const block = (x: Tensor): Tensor => {
    const hidden = quickGelu({ x: linear({ x: layernorm({ x, gamma, beta, eps: 1e-5 }), weight: wide }) });
    return add({ a: linear({ x: hidden, weight: narrow }), b: x });
  };
  const loss = (): Tensor => {
    let x: Tensor = scale({ x: start, factor: 0.5 });
    const taps: Tensor[] = [];
    for (let i = 0; i < 8; i++) {
      x = engine.at(`block${i}`, () => recompute(engine, [x], block));
      taps.push(x);
    }
    const tapped = taps.reduce((a, b) => add({ a, b: multiply({ a: b, b: start }) }));
    return sumAll({ x: multiply({ a: tapped, b: layernorm({ x, gamma, beta, eps: 1e-5 }) }) });
  };
  // the first time makes what the engine keeps for good
  engine.scope(() => void valueAndGrad(engine, parameters, loss));
  await engine.settle();
  engine.gpu.pool.resetPeak();
  const before = engine.stats().live;
  const { value, grads } = valueAndGrad(engine, parameters, loss);
  const { peak } = engine.stats();
  const bits: Record<string, string> = { value: await bitsOf(value) };
  for (const [{ name }, gradient] of grads) bits[name] = await bitsOf(gradient);
  value.dispose();
  for (const gradient of grads.values()) gradient.dispose();
  assert.is(engine.stats().live - before, 0, 'nothing is kept');
  for (const parameter of parameters) parameter.dispose();
  return { bits, peak: peak - before };
}

test('gradients of blocks are the same bits, in less memory', async () => {
  const [whole, again] = [await blocks(plain), await blocks(saving)];
  assert.is(Object.keys(whole.bits).length, 6);
  assert.equal(again.bits, whole.bits);
  assert.ok(again.peak < 0.7 * whole.peak, `${again.peak} of ${whole.peak} bytes`);
});

const config: ModelConfig = {
  vision: { patch: 4, width: 32, layers: 4, heads: 2, embedDim: 16, resolution: 32 },
  prompts: { count: 3, deep: 3, dropout: 0.1 },
  stages: [[0, 1], [2], [3]],
  aggregation: 'gaussian',
  sharedQueries: false,
  decoder: { layers: 3, heads: 2, hiddenMultiple: 4, dropout: 0.3 },
  logitBias: -2,
  headStd: null,
};

/** A step of Cascade-CLIP over two micro-batches with dropout. */
async function cascade(engine: Engine): Promise<Outcome> {
  const random = new Random(9);
  const store = new ParameterStore(engine, parameterSpecs(config), new Map(), 7);
  const noise = (shape: number[]) =>
    engine.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
      shape,
    );
  const context: StepContext = {
    engine,
    config,
    store,
    loss: { focalWeight: 100, diceWeight: 1, alpha: 0.25, gamma: 2 },
    text: noise([5, 16]),
    novel: null,
  };
  const batches = [0, 1].map(() => ({
    image: noise([2, 3, 32, 32]),
    labels: engine.tensor(
      Uint32Array.from({ length: 2 * 32 * 32 }, () => random.integer(0, 6)),
      [2, 32, 32],
    ),
  }));
  const state = engine.tensor(Uint32Array.of(5, 0, 3, 0), [4]);
  await engine.settle();
  engine.gpu.pool.resetPeak();
  const before = engine.stats().live;
  const { grads, parts } = stepGradients(context, batches, state);
  const peak = engine.stats().peak - before;
  const bits: Record<string, string> = { parts: await bitsOf(parts) };
  for (const [{ name }, gradient] of grads) bits[name] = await bitsOf(gradient);
  return { bits, peak };
}

test('a step of Cascade-CLIP with dropout and micro-batches gives the same bits in less memory', async () => {
  const [whole, again] = [await cascade(plain), await cascade(saving)];
  assert.ok(Object.keys(whole.bits).length > 40);
  for (const [name, bits] of Object.entries(whole.bits)) assert.ok(again.bits[name] === bits, name);
  assert.ok(new Set(Object.values(whole.bits)).size > 40, 'the gradients are not all alike');
  assert.ok(again.peak < 0.7 * whole.peak, `${again.peak} of ${whole.peak} bytes`);
});

test('the body runs again only where a gradient arrives', async () => {
  const x = saving.parameter('x', Float32Array.of(1, 2), [2], true);
  const fixed = saving.tensor([3, 4], [2]);
  let runs = 0;
  const { grads } = valueAndGrad(saving, [x], () => {
    const count = (a: Tensor): Tensor => {
      runs++;
      return scale({ x: a, factor: 2 });
    };
    recompute(saving, [x], count);
    const frozen = recompute(saving, [fixed], count);
    assert.is(frozen.requiresGrad, false);
    assert.is(runs, 2);
    return sumAll({ x: multiply({ a: frozen, b: recompute(saving, [x], count) }) });
  });
  assert.is(runs, 4, 'three times forward, once again for backward');
  assert.equal(Array.from(await grads.get(x)!.read()), [12, 16]);
  grads.get(x)!.dispose();
  const outside = recompute(saving, [fixed], (a) => scale({ x: a, factor: 3 }));
  assert.equal(Array.from(await outside.read()), [9, 12], 'without a tape it is a scope');
  for (const tensor of [x, fixed, outside]) tensor.dispose();
});

test('what runs again is named by its place in the model, and what follows by its own', () => {
  const x = saving.parameter('x', Float32Array.of(1, 2), [2], true);
  const places: string[] = [];
  const body = (a: Tensor): Tensor => {
    places.push(saving.where('body'));
    return scale({ x: a, factor: 2 });
  };
  const loss = (): Tensor => sumAll({ x: saving.at('block3', () => recompute(saving, [x], body)) });
  saving.at('step', () => {
    saving.scope(() => void valueAndGrad(saving, [x], loss));
    places.push(saving.where('after'));
  });
  assert.equal(places, ['body at step.block3', 'body at step.block3', 'after at step']);
  x.dispose();
});

test('an error in the body lets go of everything', () => {
  const x = saving.parameter('x', Float32Array.of(1, 2), [2], true);
  const before = saving.stats().live;
  let runs = 0;
  assert.throws(
    () =>
      valueAndGrad(saving, [x], () =>
        sumAll({
          x: recompute(saving, [x], (a) => {
            if (runs++ > 0) throw new Error('second time');
            return scale({ x: scale({ x: a, factor: 2 }), factor: 2 });
          }),
        }),
      ),
    /second time/,
  );
  assert.is(saving.stats().live, before);
  assert.is(saving.tape, null);
  x.dispose();
});

test.run();
