import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { Random } from '../../engine/random.ts';
import { float32Tensor, type HostTensor } from '../../model/weights/tensor_file.ts';
import type { RunConfig, TrainingMode } from '../../train/config/config.ts';
import { embeddedPreset } from '../../train/config/presets.ts';
import { openDataset } from '../../train/data/datasets/dataset.ts';
import { datasetInfo } from '../../train/data/datasets/info.ts';
import type { AugmentOptions } from '../../train/data/image/augment.ts';
import { type Batch, createTrainLoader, type TrainLoaderOptions } from '../../train/data/loader.ts';
import { openEvalLoader } from '../../train/evaluation/eval_loader.ts';
import { freshWeights, newRun, openTrainer, openTrainLoader, saveRun } from '../../train/open_run.ts';
import { stepGradients } from '../../train/step.ts';
import { writeNpy } from '../model/weights/npy_writer.ts';
import { openEngine } from '../support/device.ts';
import { smallAugment, temporaryFolder, writeVocTree } from './data/support.ts';

/** How a configuration becomes loader, trainer and weights. */
const test = suite('open run');
const folder = temporaryFolder();
const root = await writeVocTree(5);
const dataset = await openDataset('voc20', root, 'train');
const info = datasetInfo('voc20');
const classes = info.classes.length;
const width = 8;

let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

function configOf(mode: TrainingMode, train: Partial<RunConfig['train']> = {}): RunConfig {
  const preset = embeddedPreset({ mode, maxIters: 20 });
  const { crop, ...rest } = smallAugment;
  return {
    ...preset,
    seed: 6,
    data: {
      ...preset.data,
      ...rest,
      scale: [...rest.scale],
      ratio: [...rest.ratio],
      crop: crop[0],
      workers: 0,
      prefetch: 1,
    },
    model: {
      ...preset.model,
      vision: { patch: 8, width: 16, layers: 2, heads: 2, embedDim: width, resolution: 32 },
      prompts: { count: 2, deep: 1, dropout: 0.1 },
      stages: [[0], [1]],
      decoder: { layers: 2, heads: 2, hiddenMultiple: 2, dropout: 0.1 },
    },
    train: { ...preset.train, batch: 2, accumulation: 1, ...train },
  };
}

function drawnText(seed: number): HostTensor {
  const random = new Random(seed);
  return float32Tensor(
    [classes, width],
    Float32Array.from({ length: classes * width }, () => random.normal()),
  );
}

async function firstBatches(loader: ReturnType<typeof openTrainLoader>, count: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let i = 0; i < count; i++) batches.push({ ...(await loader.next()), waitMs: 0 });
  await loader.close();
  return batches;
}

const loaderOptions: TrainLoaderOptions = {
  dataset,
  workers: 0,
  prefetch: 1,
  mode: 'transductive',
  seed: 6,
  batch: 2,
  augment: smallAugment,
};
interface Change {
  seed?: number;
  train?: Partial<RunConfig['train']>;
  data?: Partial<RunConfig['data']>;
}
/** Settings changed, and what the loader is to be given instead. */
const changes: [Change, Partial<TrainLoaderOptions>, Partial<AugmentOptions>][] = [
  [{ seed: 7 }, { seed: 7 }, {}],
  [{ train: { batch: 3 } }, { batch: 3 }, {}],
  [{ train: { mode: 'inductive' } }, { mode: 'inductive' }, {}],
  [{ train: { mode: 'supervised' } }, { mode: 'supervised' }, {}],
  [{ data: { scale: [96, 40] } }, {}, { scale: [96, 40] }],
  [{ data: { ratio: [0.9, 1.1] } }, {}, { ratio: [0.9, 1.1] }],
  [{ data: { crop: 24 } }, {}, { crop: [24, 24] }],
  [{ data: { catMaxRatio: 1 } }, {}, { catMaxRatio: 1 }],
  [{ data: { flip: 0 } }, {}, { flip: 0 }],
  [{ data: { photometric: false } }, {}, { photometric: false }],
];

test('every setting of the data reaches the training loader', async () => {
  const config = configOf('transductive');
  const plain = await firstBatches(createTrainLoader(loaderOptions), 4);
  assert.ok(isDeepStrictEqual(await firstBatches(openTrainLoader(config, dataset), 4), plain));
  for (const [{ seed = config.seed, train, data }, options, augment] of changes) {
    const changed = {
      ...config,
      seed,
      train: { ...config.train, ...train },
      data: { ...config.data, ...data },
    };
    const own = { ...loaderOptions, ...options, augment: { ...smallAugment, ...augment } };
    const wanted = await firstBatches(createTrainLoader(own), 4);
    const name = JSON.stringify([options, augment]);
    assert.not.ok(isDeepStrictEqual(wanted, plain), `${name} counts`);
    const found = await firstBatches(openTrainLoader(changed, dataset), 4);
    assert.ok(isDeepStrictEqual(found, wanted), name);
  }
});

test('threads are as many, and batches made ahead, as the settings say', async () => {
  const config = configOf('inductive');
  const asked: number[] = [];
  const items = new Proxy(dataset.items, {
    get(target, key) {
      if (/^\d+$/.test(String(key))) asked.push(Number(key));
      return Reflect.get(target, key);
    },
  });
  for (const prefetch of [1, 3]) {
    asked.length = 0;
    const loader = openTrainLoader({ ...config, data: { ...config.data, prefetch } }, { ...dataset, items });
    const first = loader.next();
    assert.is(asked.length, 2 * (1 + prefetch), `${prefetch} ahead`);
    await first;
    await loader.close();
  }
  const threads: Worker[] = [];
  const count = (worker: Worker): void => void threads.push(worker);
  process.on('worker', count);
  const loader = openTrainLoader({ ...config, data: { ...config.data, workers: 2 } }, dataset);
  await loader.close();
  process.off('worker', count);
  assert.is(threads.length, 2);
});

test('an evaluation has the short side and the number of images that its settings say', async () => {
  const config = configOf('inductive');
  const samplesOf = async (maxImages: number | null) => {
    const loader = openEvalLoader({ ...config, eval: { ...config.eval, shortSide: 20, maxImages } }, dataset);
    const sides: number[] = [];
    for await (const { height, width } of loader.samples()) sides.push(Math.min(height, width));
    await loader.close();
    return sides;
  };
  assert.equal(await samplesOf(null), [20, 20, 20, 20, 20]);
  assert.equal(await samplesOf(2), [20, 20]);
});

/** The loss of a run's first step, and of the same step with what the mode should give it. */
async function firstLoss(mode: TrainingMode, rows: readonly number[], novel: readonly number[] | null) {
  const config = configOf(mode);
  const text = drawnText(3);
  const run = newRun(engine, config, { tensors: new Map(), text });
  const [data] = await firstBatches(openTrainLoader(config, dataset), 1);
  const values = text.data as Float32Array;
  const { parts } = stepGradients(
    {
      engine,
      config: config.model,
      store: run.store,
      loss: config.loss,
      text: engine.tensor(
        Float32Array.from(rows.flatMap((row) => [...values.subarray(row * width, (row + 1) * width)])),
        [rows.length, width],
      ),
      novel: novel && engine.tensor(Uint32Array.from(novel), [novel.length]),
    },
    [
      {
        image: engine.tensor(data!.images, [2, 3, 32, 32]),
        labels: engine.tensor(Uint32Array.from(data!.labels), [2, 32, 32]),
      },
    ],
    engine.tensor(Uint32Array.of(config.seed, 0, 0, 0), [4]),
  );
  const [focal, dice, total] = await parts.read();
  const trainer = openTrainer(run, config, info);
  await trainer.step(0, [data!]);
  const found = await trainer.report(1);
  return { found, wanted: { focal, dice, total, each: [{ step: 0, focal, dice, total }] } };
}

const all = info.classes.map((_, id) => id);
for (const [mode, rows, novel] of [
  ['inductive', info.seen, null],
  ['transductive', all, info.novel],
  ['supervised', all, null],
] as const) {
  const known = rows === all ? 'all classes' : 'the seen classes';
  const labelled = novel ? ', and novel ones for what is unlabelled' : '';
  test(`a step of ${mode} training scores ${known}${labelled}`, async () => {
    const { found, wanted } = await firstLoss(mode, rows, novel);
    assert.equal(found, wanted);
  });
}

test("a step is made, and reported, with the schedule's rate at its number from 0", async () => {
  const config = configOf('inductive');
  const run = newRun(engine, config, { tensors: new Map(), text: drawnText(3) });
  const trainer = openTrainer(run, config, info);
  const { maxIters, warmupIters, warmupRatio, power, minLr } = config.schedule;
  const rateAt = (t: number, base: number): number =>
    ((base - minLr) * (1 - t / maxIters) ** power + minLr) *
    (t < warmupIters ? 1 - (1 - t / warmupIters) * (1 - warmupRatio) : 1);
  const used: number[] = [];
  const begin = run.optimizer.begin.bind(run.optimizer);
  run.optimizer.begin = (rate) => {
    used.push(rate(1e-3));
    begin(rate);
  };
  const steps = [0, 1, 3, 4, 11];
  for (const step of steps) await trainer.step(step, await firstBatches(openTrainLoader(config, dataset), 1));
  assert.equal(
    used,
    steps.map((step) => rateAt(step, 1e-3)),
  );
  // the head's rate is three times that of the rest
  for (const step of steps) assert.is(trainer.learningRate(step), rateAt(step, 3 * config.optim.lr));
});

test('a run that starts from a checkpoint takes its weights and class embeddings', async () => {
  const before = configOf('inductive');
  const text = drawnText(11);
  const run = newRun(engine, { ...before, seed: 1 }, { tensors: new Map(), text });
  const startFrom = join(folder, 'before.safetensors');
  await saveRun(startFrom, run, before, 10, null);
  const config = configOf('transductive', { startFrom });
  const fresh = await freshWeights(engine, config, info);
  assert.equal(fresh.text, text);
  assert.is(fresh.textSource, `those of ${startFrom}`);
  const state = await run.store.stateDict();
  assert.equal([...fresh.tensors.keys()].sort(), [...state.keys()].sort());
  for (const [name, tensor] of state) assert.equal(fresh.tensors.get(name), tensor, name);
});

test('embeddings that are given count more than those of the checkpoint', async () => {
  const textEmbeddings = join(folder, 'text.npy');
  writeNpy(textEmbeddings, drawnText(12));
  const config = configOf('transductive', { startFrom: join(folder, 'before.safetensors') });
  const given = { ...config, data: { ...config.data, textEmbeddings } };
  const { text, textSource } = await freshWeights(engine, given, info);
  assert.is(textSource, `those of ${textEmbeddings}`);
  assert.not.equal(text, drawnText(11));
});

test.run();
