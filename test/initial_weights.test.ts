import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../engine/errors.ts';
import { readSafetensors, writeSafetensors } from '../model/weights/safetensors.ts';
import type { RunConfig } from '../train/config/config.ts';
import { embeddedPreset } from '../train/config/presets.ts';
import { datasetInfo } from '../train/data/datasets/info.ts';
import { initialWeights } from '../train/weights.ts';
import { openEngine } from './device.ts';
import { rejectionOf } from './error_of.ts';
import { writeTinyClip } from './experiment_support.ts';

const test = suite('initial weights');
const folder = mkdtempSync(join(tmpdir(), 'initial-weights-'));
test.after(() => rmSync(folder, { recursive: true }));

test('a full CLIP with too few token embeddings for the tokenizer is refused', async () => {
  const { tensors } = await readSafetensors(await writeTinyClip(folder));
  const clip = join(folder, 'no_miniature.safetensors');
  await writeSafetensors(clip, tensors);
  const preset = embeddedPreset();
  const config: RunConfig = {
    ...preset,
    data: { ...preset.data, embedded: false, clip },
    model: { ...preset.model, vision: { ...preset.model.vision, width: 32, heads: 2, embedDim: 16 } },
  };
  const engine = await openEngine();
  try {
    const error = await rejectionOf(DataError, () => initialWeights(engine, config, datasetInfo('voc20')));
    const tokens = tensors.get('token_embedding.weight')!.shape[0];
    assert.is(
      error.message,
      `${clip}: has ${tokens} token embeddings, but CLIP's tokenizer numbers tokens up to 49407`,
    );
  } finally {
    await engine.close();
  }
});

test.run();
