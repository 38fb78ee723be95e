import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { PixelCounts } from '../../../train/evaluation/pixel_counts.ts';
import { openEngine } from '../../support/device.ts';

/** Confusion matrices filled on the GPU, whose 32-bit counts must not overflow. */
const test = suite('pixel counts');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

/** Adds an image of four pixels: truth 0 0 1 255, prediction 0 1 1 0. */
async function addImage(counts: PixelCounts): Promise<void> {
  await counts.reserve(4);
  engine.scope(() => {
    const tensor = (values: number[]) => engine.tensor(Uint32Array.from(values), [1, 2, 2]);
    counts.add(tensor([0, 1, 1, 0]), tensor([0, 0, 1, 255]));
  });
}

for (const most of [4, 9, 2 ** 32 - 1]) {
  test(`counts add up where the GPU may hold ${most} pixels`, async () => {
    const counts = new PixelCounts(engine, 2, most);
    for (let image = 0; image < 5; image++) await addImage(counts);
    const { classes, counts: found } = await counts.take();
    assert.equal([classes, ...found], [2, 5, 5, 0, 5]);
  });
}

test('the matrices on the GPU are given back', async () => {
  const before = engine.stats().live;
  const counts = new PixelCounts(engine, 50, 4);
  for (let image = 0; image < 3; image++) await addImage(counts);
  assert.ok(engine.stats().live > before);
  await counts.take();
  assert.is(engine.stats().live, before);
});

test.run();
