import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors, writeSafetensors } from '../../../model/weights/safetensors.ts';
import { runScript, settingFlags, tinyModel, tinySteps } from '../../support/command.ts';
import { openEngine } from '../../support/device.ts';
import { temporaryFolder, writeVocTree } from '../data/support.ts';

/** A run in parts, its intervals such that none divides another: the same files as those of a run in one. */
const test = suite('a run in parts');
const root = temporaryFolder();
const data = await writeVocTree(5);
const tiny = settingFlags([
  ...tinyModel,
  ...tinySteps,
  'model.vision.resolution=32',
  'model.vision.layers=3',
  'model.prompts.deep=2',
  'model.stages=[[0,1],[2]]',
  'data.clip=null',
  'data.trainSplit=train',
  'data.valSplit=train',
  'data.crop=32',
  'data.scale=[64,32]',
  'train.accumulation=2',
  'train.logInterval=1',
  'train.evalInterval=2',
  'train.checkpointInterval=3',
  'schedule.warmupIters=2',
  // in f16 two steps overflow, then parameters move
  'loss.focalWeight=10',
  'loss.diceWeight=0.1',
  'eval.crop=32',
  'eval.stride=32',
  'eval.shortSide=32',
  'eval.maxImages=2',
  'eval.overlays=0',
]);
const path = (...names: string[]): string => join(root, ...names);

async function train(...args: string[]): Promise<void> {
  const { code, output } = await runScript('train/commands/train_main.ts', args);
  assert.is(code, 0, output);
}
const start = (run: string, ...args: string[]): Promise<void> =>
  train(
    '--dataset',
    'voc20',
    '--data-root',
    data,
    '--max-iters',
    '7',
    '--work-dir',
    path(run),
    ...tiny,
    ...args,
  );
const resume = (run: string, ...args: string[]): Promise<void> =>
  train('--resume', '--work-dir', path(run), ...args);

const checkpoint = (run: string, name: string): string => path(run, 'checkpoints', `${name}.safetensors`);
/** What is told of each step and evaluation, without its speed. */
const logOf = (run: string): unknown[] =>
  readFileSync(path(run, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => ({ ...JSON.parse(line), imagesPerSecond: null, dataWait: null }));

/** Everything that a run leaves equals that of a run in one. */
async function equalsWhole(run: string, whole: string): Promise<void> {
  assert.equal(logOf(run), logOf(whole));
  assert.equal(readFileSync(path(run, 'config.json')), readFileSync(path(whole, 'config.json')));
  assert.equal(readFileSync(path(run, 'eval.json')), readFileSync(path(whole, 'eval.json')));
  for (const name of ['step-000003', 'step-000006', 'step-000007', 'best']) {
    const [own, wanted] = [
      await readSafetensors(checkpoint(run, name)),
      await readSafetensors(checkpoint(whole, name)),
    ];
    // the configuration of a checkpoint tells where its run was to stop
    assert.equal({ ...own.metadata, config: '' }, { ...wanted.metadata, config: '' }, name);
    assert.equal([...own.tensors.keys()], [...wanted.tensors.keys()], name);
    for (const [key, tensor] of wanted.tensors) {
      assert.ok(isDeepStrictEqual(own.tensors.get(key), tensor), `${name}: ${key} differs`);
    }
  }
}

async function inParts(precision: 'f32' | 'f16'): Promise<void> {
  const [whole, parts] = [`${precision}-whole`, `${precision}-parts`];
  const own = ['--precision', precision];
  await Promise.all([
    start(whole, ...own),
    start(parts, ...own, '--stop-at', '5').then(async () => {
      // as if the process had died on its way from the checkpoint of step 3
      writeFileSync(path(parts, 'checkpoints', 'latest'), 'step-000003.safetensors\n');
      await resume(parts);
    }),
  ]);
  await equalsWhole(parts, whole);
}

test('stopped, gone back to a checkpoint and resumed, it leaves the files of a run in one', () =>
  inParts('f32'));

test('in f16, too, loss scale included', async () => {
  const engine = await openEngine();
  const half = engine.gpu.device.facts.f16;
  await engine.close();
  if (half) await inParts('f16');
});

test("each step's rate in the log is that of the schedule", () => {
  const config = JSON.parse(readFileSync(path('f32-whole', 'config.json'), 'utf8'));
  const { maxIters, warmupIters, warmupRatio, power, minLr } = config.schedule;
  // by the rules of the presets, for everything that trains
  const base = 10 * config.optim.lr;
  const wanted = Array.from({ length: 7 }, (_, t) => {
    const rate = (base - minLr) * (1 - t / maxIters) ** power + minLr;
    return t < warmupIters ? rate * (1 - (1 - t / warmupIters) * (1 - warmupRatio)) : rate;
  });
  const rates = (logOf('f32-whole') as { lr?: number }[]).flatMap(({ lr }) => lr ?? []);
  assert.equal(rates, wanted);
});

test('the last evaluation leaves a better checkpoint as it is', async () => {
  const [last, best] = [checkpoint('f32-whole', 'step-000007'), checkpoint('f32-whole', 'best')];
  const { tensors, metadata } = await readSafetensors(last);
  await writeSafetensors(last, tensors, { ...metadata, best: '100' });
  writeFileSync(best, 'of an earlier step');
  await resume('f32-whole');
  assert.ok(readFileSync(best, 'utf8') === 'of an earlier step');
});

test.after(() => rmSync(root, { recursive: true, force: true }));
test.run();
