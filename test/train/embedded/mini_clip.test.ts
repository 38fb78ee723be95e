import { readFileSync, statSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readMiniClip } from '../../../model/weights/mini_clip.ts';
import { loadAtlas } from '../../../train/embedded/atlas.ts';
import { captionBook } from '../../../train/pretrain/captions.ts';
import { cardFile, readCard, sha256 } from '../../../train/pretrain/card.ts';
import { openEngine } from '../../support/device.ts';
import { projectPath } from '../../support/paths.ts';
import { lossCurve } from '../pretrain/loss_curve.ts';

/** The committed miniature CLIP is what its card says, and its pre-training can be repeated. */
const test = suite('committed mini-CLIP');

const weights = projectPath('train/embedded/mini_clip.safetensors');
const card = readCard(cardFile(weights));

test('weights and atlas are those of the card', async () => {
  assert.ok(statSync(weights).size <= 4e6);
  assert.is(sha256([readFileSync(weights)]), card.sha256.weights);
  assert.is(sha256(loadAtlas().sources), card.sha256.atlas);
  const { vision, vocabulary } = await readMiniClip(weights);
  assert.is(vision.patch, 8);
  assert.ok(vocabulary.size > 500);
  assert.ok(card.accuracy.image > 0.5 && card.accuracy.patch > 0.5);
});

test('the first 50 losses of its pre-training are the recorded ones, within 1%', async () => {
  const engine = await openEngine();
  try {
    const atlas = loadAtlas();
    const steps = card.firstLosses.length;
    assert.is(steps, 50);
    const losses = await lossCurve(
      { engine, settings: card.settings, atlas, book: captionBook(atlas) },
      steps,
    );
    card.firstLosses.forEach((wanted, step) => {
      const difference = Math.abs(losses[step] - wanted) / wanted;
      assert.ok(difference <= 0.01, `step ${step}: ${losses[step]}, recorded ${wanted}`);
    });
  } finally {
    await engine.close();
  }
});

test.run();
