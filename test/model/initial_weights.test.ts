import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../../engine/errors.ts';
import { fromFloat32ToF16 } from '../../engine/half.ts';
import { Random } from '../../engine/random.ts';
import { toFloat32 } from '../../model/weights/half.ts';
import { readSafetensors, writeSafetensors } from '../../model/weights/safetensors.ts';
import { float32Tensor, type HostTensor } from '../../model/weights/tensor_file.ts';
import { saveCheckpoint } from '../../train/checkpoint.ts';
import type { RunConfig } from '../../train/config/config.ts';
import { embeddedPreset } from '../../train/config/presets.ts';
import { datasetInfo } from '../../train/data/datasets/info.ts';
import { freshWeights, newRun } from '../../train/open_run.ts';
import { initialWeights } from '../../train/weights.ts';
import { openEngine } from '../support/device.ts';
import { rejectionOf } from '../support/error_of.ts';
import { writeTinyClip } from '../train/experiment/support.ts';
import { writeNpy } from './weights/npy_writer.ts';

const test = suite('initial weights');
const folder = mkdtempSync(join(tmpdir(), 'initial-weights-'));
test.after(() => rmSync(folder, { recursive: true }));

const preset = embeddedPreset();
/** Without CLIP weights. */
const bare: RunConfig = {
  ...preset,
  data: { ...preset.data, embedded: false, clip: null },
  model: { ...preset.model, vision: { ...preset.model.vision, width: 32, heads: 2, embedDim: 16 } },
};
const info = datasetInfo('voc20');

/** Twenty rows of 16 values, drawn from a seed. */
function drawnRows(seed: number): Float32Array<ArrayBuffer> {
  const random = new Random(seed);
  return Float32Array.from({ length: 320 }, () => random.normal());
}

const lengthsOf = (rows: Float32Array): number[] =>
  Array.from({ length: 20 }, (_, row) => Math.hypot(...rows.subarray(row * 16, (row + 1) * 16)));

async function withText(name: string, rows: HostTensor, base = bare): Promise<RunConfig> {
  const textEmbeddings = join(folder, name);
  await writeNpy(textEmbeddings, rows);
  return { ...base, data: { ...base.data, textEmbeddings } };
}

test('embeddings of unit length stay as the file has them, others are brought to it', async () => {
  const rows = drawnRows(1);
  const lengths = lengthsOf(rows);
  const unit = rows.map((value, i) => value / lengths[Math.floor(i / 16)]!);
  const halves: HostTensor = { dtype: 'F16', shape: [20, 16], data: fromFloat32ToF16(unit) };
  const engine = await openEngine();
  try {
    const published = await initialWeights(engine, await withText('half.npy', halves), info);
    assert.equal(published.text.data, toFloat32(halves));
    assert.is(published.textSource, `those of ${join(folder, 'half.npy')}`);
    const config = await withText('long.npy', float32Tensor([20, 16], rows));
    const { text } = await initialWeights(engine, config, info);
    for (const length of lengthsOf(text.data as Float32Array)) assert.ok(Math.abs(length - 1) < 1e-6);
  } finally {
    await engine.close();
  }
});

test('a run that starts from another takes its class embeddings along, unless others are given', async () => {
  const file = join(folder, 'first.safetensors');
  const text = float32Tensor([20, 16], drawnRows(2));
  const engine = await openEngine();
  try {
    const { store, optimizer } = newRun(engine, bare, { tensors: new Map(), text });
    await saveCheckpoint(file, store, optimizer, text, { step: 1, best: null, config: bare });
    const next: RunConfig = { ...bare, train: { ...bare.train, startFrom: file } };
    const own = await freshWeights(engine, next, info);
    assert.equal([own.text.data, own.textSource], [text.data, `those of ${file}`]);
    const other = await withText('other.npy', float32Tensor([20, 16], drawnRows(3)), next);
    const given = await freshWeights(engine, other, info);
    assert.is(given.textSource, `those of ${join(folder, 'other.npy')}`);
    assert.not.equal(given.text.data, text.data);
    const context = datasetInfo('context59');
    const elsewhere = await freshWeights(engine, { ...next, dataset: 'context59' }, context);
    assert.equal(
      [elsewhere.text.shape, elsewhere.textSource],
      [[59, 16], 'drawn from the seed, without a meaning'],
    );
  } finally {
    await engine.close();
  }
});

test('a full CLIP with too few token embeddings for the tokenizer is refused', async () => {
  const { tensors } = await readSafetensors(await writeTinyClip(folder));
  const clip = join(folder, 'no_miniature.safetensors');
  await writeSafetensors(clip, tensors);
  const config: RunConfig = { ...bare, data: { ...bare.data, clip } };
  const engine = await openEngine();
  try {
    const error = await rejectionOf(DataError, () => initialWeights(engine, config, info));
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
