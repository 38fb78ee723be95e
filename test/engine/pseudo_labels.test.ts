import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { resize, upsampledPseudoLabels } from '../../engine/ops/index.ts';
import { openEngine } from '../support/device.ts';
import { problem, shapes } from './gradients/mask_loss_inputs.ts';

const test = suite('pseudo labels');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

test('upsampledPseudoLabels chooses as it does from the resize', async () => {
  const unlabelled = 254;
  const chosen = new Set<number>();
  for (const sizes of Object.values(shapes)) {
    const p = problem({ ...sizes, classes: 6 }, 7);
    p.labels.forEach((label, i) => {
      if (label % 2 === 0) p.labels[i] = unlabelled;
    });
    const found = await engine.fetch(() => {
      const masks = engine.tensor(p.masks, [p.images, p.classes, p.height, p.width]);
      const labels = engine.tensor(p.labels, [p.images, p.outHeight, p.outWidth]);
      const novel = engine.tensor(Uint32Array.of(5, 0, 3), [3]);
      const pixels = resize({ x: masks, height: p.outHeight, width: p.outWidth });
      return {
        fused: upsampledPseudoLabels({ masks, labels, novel, unlabelled }),
        unfused: upsampledPseudoLabels({ masks: pixels, labels, novel, unlabelled }),
      };
    });
    assert.equal(found.fused, found.unfused);
    found.fused.forEach((label, i) => {
      if (p.labels[i] !== unlabelled) assert.is(label, p.labels[i]);
      else chosen.add(label);
    });
  }
  assert.equal([...chosen].sort(), [0, 3, 5]);
});

test('upsampledPseudoLabels leaves labelled pixels alone and takes the first of equals', async () => {
  const { y } = await engine.fetch(() => ({
    y: upsampledPseudoLabels({
      masks: engine.zeros([1, 4, 2, 2]),
      labels: engine.tensor(Uint32Array.of(0, 255, 254, 1, 254, 3), [1, 2, 3]),
      novel: engine.tensor(Uint32Array.of(2, 3), [2]),
      unlabelled: 254,
    }),
  }));
  assert.equal(Array.from(y), [0, 255, 2, 1, 2, 3]);
});

test.run();
