import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { ShapeError } from '../../engine/errors.ts';
import { valueAndGrad } from '../../engine/grad.ts';
import { defineOp, type Needs } from '../../engine/op.ts';
import { add, layernorm, multiply, quickGelu, scale, sumAll } from '../../engine/ops/index.ts';
import type { Parameter, Tensor } from '../../engine/tensor.ts';
import { openEngine } from '../support/device.ts';
import { launched } from './gradients/vjp.ts';

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

test('an error in backward names the operation and its place in the model', () => {
  const x = parameter('x', [1, 2]);
  const failing = defineOp({
    name: 'failing',
    forward: ({ x }: { x: Tensor }) => ({ output: engine.view(x, x.shape), save: null }),
    vjp: () => ({ x: engine.zeros([-1]) }),
  });
  const loss = (): Tensor => sumAll({ x: failing({ x }) });
  const run = (body: () => Tensor) => () => engine.scope(() => valueAndGrad(engine, [x], body));
  assert.throws(run(loss), /^tensor in failing backward: shape \(-1\)$/);
  assert.throws(
    run(() => engine.at('blocks.2', loss)),
    /^tensor in failing backward at blocks\.2: shape \(-1\)$/,
  );
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

test.run();
