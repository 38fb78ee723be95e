import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { valueAndGrad } from '../../engine/grad.ts';
import { launch } from '../../engine/launch.ts';
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
} from '../../engine/ops/index.ts';
import { clearRange, copyRange, isPartStart, pack, part } from '../../engine/ranges.ts';
import type { Parameter, Tensor } from '../../engine/tensor.ts';
import { scale as scaleKernel } from '../../kernels/elementwise/scale.ts';
import { openEngine } from '../support/device.ts';

const test = suite('memory');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

const live = (): number => engine.stats().live;

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
      throw new Error('in the model');
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

test('one launch cannot read and write the same buffer', () =>
  engine.scope(() => {
    const x = engine.zeros([200]);
    for (const y of [x, engine.view(x, [200]), part(engine, x, 64, [4])]) {
      assert.throws(
        () => launch(scaleKernel, { count: 4, factor: 2 }, { x, y }),
        /^elementwise\.scale: y and x are the same buffer$/,
      );
    }
  }));

test('a part shows elements of a tensor without a copy and keeps it alive', async () => {
  const before = live();
  const values = Float32Array.from({ length: 200 }, (_, i) => i);
  const shown = engine.scope(() => part(engine, engine.tensor(values, [200]), 64, [2, 3]));
  assert.equal(Array.from(await shown.read()), [64, 65, 66, 67, 68, 69]);
  shown.write(Float32Array.of(1, 2, 3, 4, 5, 6));
  const doubled = scale({ x: shown, factor: 2 });
  assert.equal(Array.from(await doubled.read()), [2, 4, 6, 8, 10, 12]);
  const inner = part(engine, shown, 0, [1]);
  shown.dispose();
  assert.is(await inner.item(), 1);
  inner.dispose();
  doubled.dispose();
  assert.is(live(), before);
});

test('a part begins where a binding can, inside its tensor', () => {
  const x = engine.zeros([200]);
  assert.equal(
    [0, 1, 64, 128].map((start) => isPartStart(x, start)),
    [true, false, true, true],
  );
  assert.throws(() => part(engine, x, 1, [2]), /part: 2 elements from 1 on of \(200\)/);
  assert.throws(() => part(engine, x, 192, [9]), /part: 9 elements from 192 on of \(200\)/);
  x.dispose();
});

test('packed parameters keep their values, live in one buffer and can be moved again', async () => {
  const before = live();
  const numbers = (length: number, first: number): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length }, (_, i) => first + i);
  const [a, b, c] = [3, 70, 1].map((length, i) =>
    engine.parameter(`p${i}`, numbers(length, 100 * i), [length], true),
  );
  const { whole, starts } = pack(engine, [a, b, c]);
  assert.equal(starts, [0, 64, 192]);
  assert.is(live(), before + 1024);
  const all = await whole.read();
  assert.equal(Array.from(all.subarray(0, 5)), [0, 1, 2, 0, 0]);
  assert.equal(Array.from(all.subarray(64, 134)), Array.from(numbers(70, 100)));
  assert.is(all[192], 200);
  pack(engine, [c, a]);
  b.write(numbers(70, 7));
  for (const [tensor, first] of [[a, 0] as const, [b, 7] as const, [c, 200] as const]) {
    assert.equal(Array.from(await tensor.read()), Array.from(numbers(tensor.size, first)));
  }
  b.dispose();
  assert.throws(() => whole.storage.memory, /used after its scope ended/);
  a.dispose();
  c.dispose();
  assert.is(live(), before);
});

test('copies and clears happen in recording order, whole or in part', async () => {
  const [x, y] = [engine.tensor([1, 2, 3], [3]), engine.zeros([3])];
  copyRange(engine, x, y);
  clearRange(engine, x);
  assert.equal(
    [Array.from(await x.read()), Array.from(await y.read())],
    [
      [0, 0, 0],
      [1, 2, 3],
    ],
  );
  const short = engine.zeros([2]);
  assert.throws(() => copyRange(engine, x, short), /copy: 3 elements of f32 \(3\) to f32 \(2\)/);
  copyRange(engine, y, short, { from: 1, to: 1, count: 1 });
  clearRange(engine, y, { from: 2, count: 1 });
  assert.equal(
    [Array.from(await short.read()), Array.from(await y.read())],
    [
      [0, 2],
      [1, 2, 0],
    ],
  );
  for (const tensor of [x, y, short]) tensor.dispose();
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
