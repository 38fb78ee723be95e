import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadAtlas } from '../../../train/embedded/atlas.ts';
import { captionBook } from '../../../train/pretrain/captions.ts';
import { type PretrainSettings, parseSettings } from '../../../train/pretrain/settings.ts';
import { openEngine } from '../../support/device.ts';
import { goldenPath } from '../../support/paths.ts';
import { lossCurve } from './loss_curve.ts';

/**
 * Two adapters add in different orders, and training amplifies what differs: by this much, relative to the loss,
 * after 50 steps. The same adapter gives the same bits.
 */
const TOLERANCE = 0.01;

const test = suite('pretrain_curve');

test('the first 50 losses are the recorded ones', async () => {
  const file = goldenPath('pretrain_curve.json');
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as { settings: unknown; losses: number[] };
  const settings: PretrainSettings = parseSettings(recorded.settings, 'golden/pretrain_curve.json');
  const engine = await openEngine();
  try {
    const atlas = loadAtlas();
    const context = { engine, settings, atlas, book: captionBook(atlas) };
    const losses = await lossCurve(context, 50);
    assert.is(losses.length, 50);
    recorded.losses.forEach((wanted, step) => {
      const difference = Math.abs(losses[step] - wanted) / wanted;
      assert.ok(difference <= TOLERANCE, `step ${step}: ${losses[step]}, recorded ${wanted}`);
    });
    assert.ok(losses[49] < losses[0]);
    const other = await lossCurve({ ...context, settings: { ...settings, seed: settings.seed + 1 } }, 3);
    const apart = Math.abs(other[2] - recorded.losses[2]) / recorded.losses[2];
    assert.ok(apart > TOLERANCE, 'another seed must not pass');
  } finally {
    await engine.close();
  }
});

test.run();
