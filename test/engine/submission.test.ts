import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { GpuError } from '../../engine/errors.ts';
import { scale } from '../../engine/ops/index.ts';
import { clearRange, copyRange } from '../../engine/ranges.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { openEngine } from '../support/device.ts';
import { errorOf } from '../support/error_of.ts';

/** Captured lists and how far the host runs ahead. */
const test = suite('submission');
const SIZE = 1024;
let engine: Engine;
let x: Tensor;
let y: Tensor;
test.before(async () => {
  engine = await openEngine();
  // made by the first capture otherwise, whose upload would submit what a test has recorded
  engine.one();
  [x, y] = [engine.zeros([SIZE]), engine.zeros([SIZE])];
});
test.after(() => engine.close());

const live = (): number => engine.stats().live;
const filled = (value: number) => new Float32Array(SIZE).fill(value);

/** y = 2 x by way of an intermediate tensor. */
function double(): void {
  copyRange(engine, scale({ x, factor: 2 }), y);
}

test('what was recorded before a capture is no part of the list', async () => {
  clearRange(engine, x);
  const captured = engine.capture(double);
  for (const value of [3, 4]) {
    x.write(filled(value));
    captured.submit();
    assert.equal(await y.read(), filled(2 * value));
  }
  captured.release();
});

test('what was recorded before a submit happens before it', async () => {
  const captured = engine.capture(double);
  x.write(filled(3));
  clearRange(engine, x);
  captured.submit();
  assert.equal(await y.read(), filled(0));
  captured.release();
});

test('the buffers of a captured list are its own until they are released', async () => {
  const before = live();
  const captured = engine.capture(double);
  assert.is(live(), before + 4 * SIZE);
  const others = [1, 2, 3].map((value) => engine.tensor(filled(value), [SIZE]));
  for (const value of [5, 6]) {
    x.write(filled(value));
    captured.submit();
    const sum = scale({ x: others[0], factor: 7 });
    captured.submit();
    assert.equal(await sum.read(), filled(7));
    assert.equal(await y.read(), filled(2 * value));
    sum.dispose();
  }
  for (const [i, other] of others.entries()) {
    assert.equal(await other.read(), filled(i + 1));
    other.dispose();
  }
  assert.is(live(), before + 4 * SIZE);
  captured.release();
  assert.is(live(), before);
  captured.release();
  assert.is(live(), before, 'a second release does nothing');
});

test('a capture that uploads is refused and leaves nothing behind', async () => {
  const before = live();
  x.write(filled(7));
  const error = errorOf(GpuError, () =>
    engine.capture(() => {
      clearRange(engine, x);
      double();
      engine.at('head', () => x.write(filled(1)));
    }),
  );
  assert.is(error.message, 'upload at head: a captured step cannot upload; do it before');
  assert.is(live(), before);
  assert.equal(await x.read(), filled(7));
});

test('the host is at most one step ahead of the GPU', async () => {
  const { device } = engine.gpu;
  const { done } = device;
  const finish: (() => void)[] = [];
  device.done = () => new Promise((resolve) => finish.push(resolve));
  try {
    await engine.throttle();
    let passed = false;
    const second = engine.throttle().then(() => {
      passed = true;
    });
    await turn();
    assert.not(passed, 'the first step is not done');
    finish[0]();
    await second;
    finish[1]();
  } finally {
    device.done = done;
  }
});

test.run();
