import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../engine/engine.ts';
import { ShapeError } from '../engine/errors.ts';
import { valueAndGrad } from '../engine/grad.ts';
import { defineOp, type Needs } from '../engine/op.ts';
import {
  add,
  broadcastTo,
  concat,
  dropout,
  embedding,
  gaussianSum,
  l2norm,
  layernorm,
  multiply,
  quickGelu,
  scale,
  slice,
  sumAll,
  tokensWithPrompts,
} from '../engine/ops/index.ts';
import type { Parameter, Tensor } from '../engine/tensor.ts';
import { openEngine } from './device.ts';
import { launched } from './vjp.ts';

const test = suite('autograd');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

const parameter = (name: string, values: number[], trainable = true): Parameter =>
  engine.parameter(name, Float32Array.from(values), [values.length], trainable);

/** The loss and all gradients by parameter name. */
async function gradients(parameters: Parameter[], loss: () => Tensor): Promise<Record<string, number[]>> {
  const found = await engine.fetch(() => {
    const { value, grads } = valueAndGrad(engine, parameters, loss);
    return { loss: value, ...Object.fromEntries([...grads].map(([p, grad]) => [p.name, grad])) };
  });
  return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, Array.from(values)]));
}

const live = (): number => engine.stats().live;

interface ProbeArgs {
  a: Tensor;
  b: Tensor;
}

/** a, passed on; writes down what it is asked for. */
function probe() {
  const seen = { recording: [] as boolean[], needs: [] as Needs<ProbeArgs>[], live: [] as number[] };
  const op = defineOp({
    name: 'probe',
    forward: ({ a }: ProbeArgs, recording) => {
      seen.recording.push(recording);
      return { output: engine.view(a, a.shape), save: {} };
    },
    vjp: (dy, _, needs) => {
      seen.needs.push(needs);
      seen.live.push(live());
      return { a: dy, b: dy };
    },
  });
  return { op, seen };
}

test('gradients of a tensor that is used several times add up', async () => {
  const x = parameter('x', [1, -2, 3]);
  const found = await gradients([x], () => {
    const h = scale({ x, factor: 2 });
    return sumAll({ x: add({ a: multiply({ a: h, b: h }), b: add({ a: h, b: x }) }) });
  });
  // 4 x^2 + 3 x
  assert.equal(found, { loss: [4 * 14 + 3 * 2], x: [11, -13, 27] });
  x.dispose();
});

test('a parameter that is the loss itself has gradient 1', async () => {
  const x = parameter('x', [7]);
  assert.equal(await gradients([x], () => scale({ x, factor: 1 })), { loss: [7], x: [1] });
  x.dispose();
});

test('nothing flows through a detached tensor', async () => {
  const x = parameter('x', [1, -2, 3]);
  const found = await gradients([x], () =>
    sumAll({ x: multiply({ a: x, b: engine.detach(scale({ x, factor: 5 })) }) }),
  );
  assert.equal(found.x, [5, -10, 15]);
  x.dispose();
});

test('parameters that the loss does not depend on, and frozen ones, have no gradient', async () => {
  const [x, unused, frozen] = [
    parameter('x', [1, 2]),
    parameter('unused', [1, 2]),
    parameter('frozen', [3, 4], false),
  ];
  const found = await gradients([x, unused, frozen], () => sumAll({ x: multiply({ a: x, b: frozen }) }));
  assert.equal(found, { loss: [11], x: [3, 4] });
  for (const p of [x, unused, frozen]) p.dispose();
});

test('branches that do not reach the loss are not walked', async () => {
  const x = parameter('x', [1, 2]);
  const { op, seen } = probe();
  const found = await gradients([x], () => {
    op({ a: x, b: x });
    return sumAll({ x });
  });
  assert.equal(found.x, [1, 1]);
  assert.equal(seen.recording, [true]);
  assert.is(seen.needs.length, 0);
  x.dispose();
});

test('backward is told which gradients are wanted', async () => {
  const [x, frozen] = [parameter('x', [1, 2]), parameter('frozen', [3, 4], false)];
  const { op, seen } = probe();
  await gradients([x], () => sumAll({ x: op({ a: scale({ x, factor: 2 }), b: frozen }) }));
  await gradients([x], () => sumAll({ x: op({ a: frozen, b: x }) }));
  assert.equal(seen.needs, [
    { a: true, b: false },
    { a: false, b: true },
  ]);
  x.dispose();
  frozen.dispose();
});

test('an operation of frozen tensors is not recorded, neither is one outside valueAndGrad', async () => {
  const [x, frozen] = [parameter('x', [1, 2]), parameter('frozen', [3, 4], false)];
  const { op, seen } = probe();
  await gradients([x], () => {
    const constant = op({ a: frozen, b: frozen });
    assert.not(constant.requiresGrad);
    return sumAll({ x: multiply({ a: x, b: constant }) });
  });
  op({ a: x, b: x }).dispose();
  assert.equal(seen.recording, [false, false]);
  x.dispose();
  frozen.dispose();
});

test('layernorm of frozen weights launches no kernel for their gradients', () => {
  const x = parameter('x', [1, 2, 3, 4]);
  const [gamma, beta] = [parameter('gamma', [1, 1, 1, 1], false), parameter('beta', [0, 0, 0, 0], false)];
  const kernels = launched(engine, () => {
    valueAndGrad(engine, [x], () => sumAll({ x: layernorm({ x, gamma, beta, eps: 1e-5 }) }));
  });
  assert.ok(kernels.includes('layernorm.backward'));
  assert.not(kernels.includes('layernorm.parameters'));
  for (const p of [x, gamma, beta]) p.dispose();
});

test('what an operation saved is let go as soon as its gradient is done', () => {
  const x = parameter('x', new Array(4096).fill(0.5));
  const { op, seen } = probe();
  const link = (a: Tensor): Tensor => engine.scope(() => op({ a: quickGelu({ x: a }), b: a }));
  const loss = (): Tensor => sumAll({ x: link(link(link(link(x)))) });
  engine.scope(() => valueAndGrad(engine, [x], () => engine.scope(loss)));
  const [first, , , last] = seen.live;
  assert.is(seen.live.length, 4);
  // three activations fewer
  assert.ok(last <= first - 3 * 16384, `${first} bytes at the first gradient, ${last} at the last`);
  x.dispose();
});

test('a gradient that is missing or has the wrong shape is named', () => {
  const x = parameter('x', [1, 2]);
  const broken = (give: (dy: Tensor) => Tensor | undefined) =>
    defineOp({
      name: 'broken',
      forward: ({ x }: { x: Tensor }) => ({ output: engine.view(x, x.shape), save: null }),
      vjp: (dy) => ({ x: give(dy) }),
    });
  const run = (give: (dy: Tensor) => Tensor | undefined) => () =>
    engine.scope(() => valueAndGrad(engine, [x], () => sumAll({ x: broken(give)({ x }) })));
  const says = (message: string) => (error: Error) =>
    error instanceof ShapeError && error.message === message;
  assert.throws(
    run(() => undefined),
    says('broken: backward gave no gradient for x'),
  );
  assert.throws(
    run(() => engine.zeros([3])),
    says('broken: gradient of x is (3), the input is (2)'),
  );
  assert.is(engine.tape, null);
  x.dispose();
});

test('a loss of several elements and nested calls are refused, and nothing stays behind', () => {
  const x = parameter('x', [1, 2]);
  const before = live();
  assert.throws(
    () => engine.scope(() => valueAndGrad(engine, [x], () => quickGelu({ x }))),
    /a loss has one element, this one is \(2\)/,
  );
  assert.throws(
    () =>
      engine.scope(() =>
        valueAndGrad(engine, [x], () => valueAndGrad(engine, [x], () => sumAll({ x })).value),
      ),
    /valueAndGrad does not nest/,
  );
  assert.throws(() => engine.scope(() => valueAndGrad(engine, [x], () => fail())), /in the model/);
  assert.is(engine.tape, null);
  assert.is(live(), before);
  x.dispose();
});

function fail(): never {
  throw new Error('in the model');
}

test('a scope lets go of its tensors, except those it returns', async () => {
  const before = live();
  const kept = engine.scope(() => {
    const inner = engine.scope(() => {
      engine.zeros([1000]);
      return { list: [engine.tensor([1, 2], [2])], map: new Map([['b', engine.tensor([3], [1])]]) };
    });
    engine.zeros([5000]);
    return inner;
  });
  assert.is(live(), before + 512);
  assert.equal(Array.from(await kept.list[0].read()), [1, 2]);
  assert.is(await kept.map.get('b')?.item(), 3);
  kept.list[0].dispose();
  kept.map.get('b')?.dispose();
  assert.is(live(), before);
});

test('a scope that throws lets go of everything', () => {
  const before = live();
  assert.throws(() =>
    engine.scope(() => {
      engine.zeros([1000]);
      fail();
    }),
  );
  assert.is(live(), before);
});

test('a tensor that is used after its scope says so', async () => {
  let escaped: Tensor | undefined;
  engine.scope(() => {
    escaped = engine.tensor([1], [1]);
  });
  const lost = escaped as unknown as Tensor;
  const message = /a tensor was used after its scope ended; return it from the scope/;
  assert.throws(() => scale({ x: lost, factor: 2 }), message);
  assert.throws(() => lost.write(Float32Array.of(1)), message);
  await lost.read().then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, message),
  );
});

test('views share memory and keep it while one of them lives', async () => {
  const before = live();
  const view = engine.scope(() => engine.view(engine.tensor([1, 2, 3, 4], [4]), [2, 2]));
  assert.is(live(), before + 256);
  assert.equal(Array.from(await view.read()), [1, 2, 3, 4]);
  view.dispose();
  assert.is(live(), before);
});

test('writes happen in the order in which they are recorded', async () => {
  const x = engine.tensor([1, 2], [2]);
  const early = scale({ x, factor: 10 });
  x.write(Float32Array.of(3, 4));
  const late = scale({ x, factor: 10 });
  assert.equal(Array.from(await early.read()), [10, 20]);
  assert.equal(Array.from(await late.read()), [30, 40]);
  for (const tensor of [x, early, late]) tensor.dispose();
});

test('item, write and view name what does not fit', () => {
  const x = engine.tensor([1, 2, 3], [3]);
  assert.throws(() => x.write(Float32Array.of(1)), /write of 1 values into a tensor \(3\)/);
  assert.throws(() => engine.view(x, [2]), /\(3\) to \(2\)/);
  assert.throws(() => engine.zeros([2, -1]), /shape \(2, -1\)/);
  x.dispose();
});

/** A small model with most kinds of operations. */
function model() {
  const cell = (name: string, shape: number[], trainable = true): Parameter => {
    const count = shape.reduce((a, b) => a * b);
    const filled = Float32Array.from({ length: count }, (_, i) => Math.sin(i + name.length));
    return engine.parameter(name, filled, shape, trainable);
  };
  const p = {
    table: cell('table', [11, 8]),
    prompts: cell('prompts', [2, 8]),
    gamma: cell('gamma', [8]),
    beta: cell('beta', [8]),
    frozen: cell('frozen', [5, 8], false),
    weights: cell('weights', [2]),
  };
  const loss = (ids: Tensor, random: Tensor): Tensor => {
    const tokens = embedding({ table: p.table, ids });
    const prompts = dropout({ x: broadcastTo({ x: p.prompts, batch: 3 }), probability: 0.5, random, op: 1 });
    const x = tokensWithPrompts({ x: tokens, prompts, skip: 1 });
    const normed = layernorm({ x, gamma: p.gamma, beta: p.beta, eps: 1e-5 });
    const hidden = add({ a: multiply({ a: normed, b: p.frozen }), b: quickGelu({ x }) });
    const layers = [
      l2norm({ x: hidden }),
      slice({ x: concat({ parts: [x, hidden], axis: 1 }), axis: 1, start: 2, length: 5 }),
    ];
    return sumAll({ x: gaussianSum({ layers, weights: p.weights }) });
  };
  return { parameters: Object.values(p), loss };
}

test('in steady state a step makes nothing new, submits once and gives all memory back', async () => {
  const { parameters, loss } = model();
  const ids = engine.tensor(
    Uint32Array.from({ length: 12 }, (_, i) => (i * 5) % 11),
    [3, 4],
  );
  const random = engine.zeros([4], 'u32');
  const stats = [];
  const losses = [];
  for (let step = 0; step < 12; step++) {
    random.write(Uint32Array.of(1, 2, step % 4, 0));
    const value = engine.scope(() => {
      const { value, grads } = valueAndGrad(engine, parameters, () => loss(ids, random));
      assert.is(grads.size, 5);
      return value;
    });
    engine.flush();
    await engine.settle();
    stats.push({ ...engine.stats(), live: live() - 256 });
    losses.push(await value.item());
    value.dispose();
  }
  const [, , settled, ...rest] = stats;
  for (const [i, now] of rest.entries()) {
    // reading the loss is a submit of its own
    assert.equal(now, { ...settled, submits: settled.submits + 2 * (i + 1) }, `step ${i + 3}`);
  }
  assert.is(stats[0].live, settled.live);
  assert.equal(losses.slice(0, 4), losses.slice(4, 8), 'the same random state gives the same loss');
  assert.is.not(losses[0], losses[1]);
  for (const tensor of [...parameters, ids, random]) tensor.dispose();
});

test.run();
