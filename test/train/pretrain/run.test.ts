import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { ConfigError, DataError, NonFiniteError, UserError } from '../../../engine/errors.ts';
import { parameterSpecs } from '../../../model/parameters.ts';
import { miniClassEmbeddings, readMiniClip } from '../../../model/weights/mini_clip.ts';
import { writeSafetensors } from '../../../model/weights/safetensors.ts';
import { embeddedPreset } from '../../../train/config/presets.ts';
import { loadAtlas } from '../../../train/embedded/atlas.ts';
import { drawBatch } from '../../../train/pretrain/batch.ts';
import { captionBook } from '../../../train/pretrain/captions.ts';
import { readCard, sha256 } from '../../../train/pretrain/card.ts';
import { type PretrainRequest, pretrainOn } from '../../../train/pretrain/run.ts';
import type { PretrainSettings } from '../../../train/pretrain/settings.ts';
import { closeStage, openStage } from '../../../train/pretrain/stage_run.ts';
import { stagesOf } from '../../../train/pretrain/stages.ts';
import { openEngine } from '../../support/device.ts';
import { rejectionOf } from '../../support/error_of.ts';
import { silentProgress, tinySettings } from './support.ts';

const test = suite('pretrain_run');
const directory = mkdtempSync(join(tmpdir(), 'pretrain-'));
const atlas = loadAtlas();
const book = captionBook(atlas);
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(async () => {
  await engine.close();
  rmSync(directory, { recursive: true });
});

const requestOf = (name: string, stopAt: number | null, resume = false): PretrainRequest => ({
  settings: { ...tinySettings, train: { ...tinySettings.train, stopAt } },
  workDir: join(directory, name),
  out: join(directory, `${name}.safetensors`),
  resume,
});
const logOf = (name: string): Record<string, unknown>[] =>
  readFileSync(join(directory, name, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('a pre-training that is stopped within and between stages ends like one that is not', async () => {
  const notes = silentProgress();
  assert.is(await pretrainOn(engine, requestOf('whole', null), notes), 0);
  assert.match(notes.notes.at(-1)!, /whole\.safetensors: .*% of scenes .*card in .*whole\.json/);
  for (const [stopAt, resume] of [
    [3, false],
    [6, true],
    [9, true],
    [null, true],
  ] as const) {
    assert.is(await pretrainOn(engine, requestOf('parts', stopAt, resume), silentProgress()), 0);
  }
  const [whole, parts] = await Promise.all(
    ['whole', 'parts'].map((name) => readMiniClip(join(directory, `${name}.safetensors`))),
  );
  assert.equal(parts.tensors, whole.tensors);
  const losses = (name: string) =>
    logOf(name).flatMap(({ losses }) => (losses as number[] | undefined) ?? []);
  assert.is(losses('whole').length, 10);
  assert.equal(losses('parts'), losses('whole'));
  assert.equal(readdirSync(join(directory, 'parts', 'checkpoints')).sort(), [
    'latest',
    'step-000010.safetensors',
  ]);
});

test('the first interruption saves and stops', async () => {
  const notes = silentProgress();
  let asked = 0;
  const code = await pretrainOn(engine, requestOf('interrupted', null), notes, () => ++asked >= 2);
  assert.is(code, 130);
  assert.match(notes.notes.at(-1)!, /Stopped after step 2; continue with: npm run pretrain:clip -- --resume/);
  assert.ok(readdirSync(join(directory, 'interrupted', 'checkpoints')).includes('step-000002.safetensors'));
});

test('without the mark of the latest checkpoint it goes on from the newest, and says so', async () => {
  const checkpoints = join(directory, 'interrupted', 'checkpoints');
  rmSync(join(checkpoints, 'latest'));
  const notes = silentProgress();
  assert.is(await pretrainOn(engine, requestOf('interrupted', 3, true), notes), 0);
  assert.match(notes.notes.join('\n'), 'latest is not there: taking step-000002.safetensors');
  assert.equal(readdirSync(checkpoints).sort(), ['latest', 'step-000003.safetensors']);
  const file = join(checkpoints, 'step-000003.safetensors');
  writeFileSync(file, readFileSync(file).subarray(0, 100));
  const error = await rejectionOf(DataError, () =>
    pretrainOn(engine, requestOf('interrupted', 4, true), silentProgress()),
  );
  assert.match(error.message, `${file}: `);
  assert.match(error.hint, 'There is no other checkpoint in');
});

test('the card tells what is in the file', () => {
  const card = readCard(join(directory, 'whole.json'));
  assert.is(card.sha256.weights, sha256([readFileSync(join(directory, 'whole.safetensors'))]));
  assert.is(card.firstLosses.length, 10);
  assert.is(card.images, 80);
  assert.match(card.command, /^npm run pretrain:clip -- .*--set 'stage1\.steps=6'/);
  assert.is(card.adapter, engine.gpu.device.name);
});

test('the file gives class embeddings, and its image tower is the one of Cascade-CLIP', async () => {
  const mini = await readMiniClip(join(directory, 'whole.safetensors'), 48);
  assert.equal(mini.vision, {
    patch: 8,
    width: 32,
    layers: 2,
    heads: 2,
    embedDim: 16,
    resolution: 48,
  });
  assert.is(mini.text.heads, 2);
  assert.equal(mini.vocabulary.ids, book.vocabulary.ids);
  const preset = embeddedPreset().model;
  const specs = parameterSpecs({ ...preset, vision: mini.vision, stages: [[0], [1]] });
  const wanted = specs.filter(({ name }) => mini.tensors.has(name));
  assert.is(wanted.length, [...mini.tensors.keys()].filter((name) => name.startsWith('backbone.')).length);
  for (const { name, shape } of wanted) assert.equal(mini.tensors.get(name)!.shape, shape, name);
  const names = ['cat', 'potted plant', 'tvmonitor'];
  const rows = await miniClassEmbeddings(engine, mini, names);
  for (let row = 0; row < 3; row++) {
    const own = rows.subarray(row * 16, (row + 1) * 16);
    assert.ok(Math.abs(Math.hypot(...own) - 1) < 1e-5);
  }
  assert.equal([...(await miniClassEmbeddings(engine, mini, ['tvmonitor']))], [...rows.subarray(32)]);
  const unknown = await rejectionOf(UserError, () =>
    miniClassEmbeddings(engine, mini, ['cat', 'oscilloscope']),
  );
  assert.match(unknown.message, /'oscilloscope'/);
});

test('files that are no miniature are refused by name', async () => {
  const path = join(directory, 'other.safetensors');
  await writeSafetensors(path, new Map(), {});
  const error = await rejectionOf(DataError, () => readMiniClip(path));
  assert.match(error.message, /other\.safetensors: says it is 'nothing'/);
  const mini = join(directory, 'whole.safetensors');
  const damaged = readFileSync(mini, 'latin1').replace('"text_heads":"2"', '"text_heads":"x"');
  writeFileSync(path, damaged, 'latin1');
  assert.match(
    (await rejectionOf(DataError, () => readMiniClip(path))).message,
    /its metadata: .*text_heads/s,
  );
});

test('a folder with a run in it is refused', async () => {
  const error = await rejectionOf(ConfigError, () =>
    pretrainOn(engine, requestOf('whole', null), silentProgress()),
  );
  assert.match(error.message, /there is a run in it already/);
});

test('two pre-trainings do not share a folder', async () => {
  const lock = join(directory, 'parts', 'lock');
  writeFileSync(lock, JSON.stringify({ pid: process.ppid, host: hostname() }));
  const error = await rejectionOf(ConfigError, () =>
    pretrainOn(engine, requestOf('parts', null, true), silentProgress()),
  );
  assert.match(error.message, `process ${process.ppid} on ${hostname()} is training in it`);
  rmSync(lock);
  assert.equal(readdirSync(join(directory, 'whole')).includes('lock'), false);
});

test('the loss falls, class tokens and patches alike', async () => {
  const settings: PretrainSettings = {
    ...tinySettings,
    stage1: { steps: 60, size: 16, lr: 3e-3 },
    train: { ...tinySettings.train, logInterval: 40 },
  };
  const [stage] = stagesOf(settings);
  const run = openStage({ engine, settings, atlas, book }, stage, null);
  const batch = drawBatch(atlas, book, { seed: 0, batch: 8, size: 16, crowd: 'single', classShare: 1 }, 0);
  for (let step = 0; step < 40; step++) await run.trainer.step(step, batch, 1);
  const losses = await run.trainer.report(40);
  assert.ok(losses[39].global < 0.6 * losses[0].global, `${losses[0].global} to ${losses[39].global}`);
  assert.ok(losses[39].patches < 0.7 * losses[0].patches, `${losses[0].patches} to ${losses[39].patches}`);
  assert.ok(losses.every(({ gradientNorm }) => gradientNorm > 0));
  batch.images[5] = Number.NaN;
  await run.trainer.step(40, batch, 1);
  const error = await rejectionOf(NonFiniteError, () => run.trainer.report(41));
  assert.match(error.message, /step 41:/);
  closeStage(run);
});

test('a stage that is over leaves nothing behind, or its parameters alone', async () => {
  const [stage] = stagesOf(tinySettings);
  const batch = drawBatch(atlas, book, { seed: 0, batch: 8, size: 16, crowd: 'single', classShare: 1 }, 0);
  engine.one();
  const { live } = engine.stats();
  const run = openStage({ engine, settings: tinySettings, atlas, book }, stage, null);
  await run.trainer.step(0, batch, 1);
  await run.trainer.report(1);
  run.trainer.dispose();
  const blocks = new Set(run.store.trainable.map(({ storage }) => storage.memory.buffer));
  const sizes = [...blocks].map(({ size }) => size);
  assert.is(engine.stats().live, live + sizes.reduce((sum, size) => sum + size, 0));
  for (const parameter of run.store.trainable) parameter.dispose();
  assert.is(engine.stats().live, live);
});

test('every parameter is trained', async () => {
  const [stage] = stagesOf(tinySettings);
  const run = openStage({ engine, settings: tinySettings, atlas, book }, stage, null);
  const before = await run.store.stateDict();
  const batch = drawBatch(atlas, book, { seed: 0, batch: 8, size: 16, crowd: 'single', classShare: 1 }, 0);
  for (let step = 0; step < 2; step++) await run.trainer.step(step, batch, 1);
  for (const [name, { data }] of await run.store.stateDict()) {
    const old = before.get(name)!.data;
    assert.ok(
      data.some((value, i) => value !== old[i]),
      name,
    );
  }
  closeStage(run);
});

test.run();
