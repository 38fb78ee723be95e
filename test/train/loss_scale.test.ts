import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { LossScale } from '../../train/loss_scale.ts';
import { openEngine } from '../support/device.ts';

const test = suite('loss scale');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

/** Scale and streak after a step that came with these and had this gradient. */
async function after(before: [scale: number, streak: number], gradient: number): Promise<number[]> {
  const scale = new LossScale(engine);
  scale.restore(before);
  engine.scope(() => {
    scale.settle(
      [engine.tensor([1, gradient], [2])],
      engine.one(),
      engine.zeros([4], 'u32'),
      engine.zeros([2], 'u32'),
    );
  });
  const { data } = await scale.values();
  scale.dispose();
  return [...(data as Float32Array)];
}

test('it starts at 2^16, which is restored like any other', async () => {
  const scale = new LossScale(engine);
  assert.equal([...((await scale.values()).data as Float32Array)], [2 ** 16, 0]);
  scale.dispose();
  assert.equal(await after([2 ** 10, 7], 1), [2 ** 10, 8]);
});

test('it doubles with the 2000th finite step, up to 2^24', async () => {
  assert.equal(await after([2 ** 16, 1998], 1), [2 ** 16, 1999]);
  assert.equal(await after([2 ** 16, 1999], 1), [2 ** 17, 0]);
  assert.is((await after([2 ** 23, 1999], 1))[0], 2 ** 24);
  assert.is((await after([2 ** 24, 1999], 1))[0], 2 ** 24);
});

test('a gradient that is not finite halves it and begins the count anew', async () => {
  assert.equal(await after([2 ** 16, 1500], Number.POSITIVE_INFINITY), [2 ** 15, 0]);
});

test.run();
