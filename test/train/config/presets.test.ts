import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunConfig } from '../../../train/config/config.ts';
import { fullPreset } from '../../../train/config/presets.ts';

/** The numbers of the paper and its release, once more; the background threshold and the intervals of the log are ours. */
const test = suite('published presets');

const voc: RunConfig = {
  dataset: 'voc20',
  seed: 0,
  adapter: null,
  engine: { precision: 'f32', checkpointing: false },
  data: {
    root: 'data/VOCdevkit/VOC2012',
    clip: 'data/clip/ViT-B-16.pt',
    textEmbeddings: null,
    trainSplit: 'trainaug',
    valSplit: 'val',
    embedded: false,
    crop: 512,
    scale: [2048, 512],
    ratio: [0.5, 2],
    catMaxRatio: 0.75,
    flip: 0.5,
    photometric: true,
    workers: 4,
    prefetch: 4,
  },
  model: {
    vision: { patch: 16, width: 768, layers: 12, heads: 12, embedDim: 512, resolution: 512 },
    prompts: { count: 10, deep: 11, dropout: 0.1 },
    stages: [[5, 6, 7], [8, 9, 10], [11]],
    aggregation: 'gaussian',
    sharedQueries: false,
    decoder: { layers: 3, heads: 8, hiddenMultiple: 4, dropout: 0.1 },
    logitBias: null,
    headStd: null,
  },
  loss: { focalWeight: 100, diceWeight: 1, alpha: 0.25, gamma: 2 },
  optim: {
    lr: 2e-5,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0.01,
    rules: [
      { key: 'backbone', lrMultiple: 10 },
      { key: 'text_encoder', lrMultiple: 0 },
      { key: 'norm', decayMultiple: 0 },
      { key: 'ln', decayMultiple: 0 },
      { key: 'head', lrMultiple: 10 },
    ],
  },
  schedule: { maxIters: 20_000, warmupIters: 1500, warmupRatio: 1e-6, power: 0.9, minLr: 1e-6 },
  train: {
    mode: 'inductive',
    startFrom: null,
    batch: 4,
    accumulation: 4,
    logInterval: 50,
    evalInterval: 2000,
    checkpointInterval: 2000,
    stopAt: null,
  },
  eval: {
    crop: 512,
    stride: 426,
    shortSide: 512,
    seenPenalty: 0.1,
    backgroundThreshold: 0.5,
    maxImages: null,
    overlays: 24,
  },
};

/** The same with another schedule, saved every tenth of it. */
function lasting(config: RunConfig, maxIters: number): RunConfig {
  const tenth = maxIters / 10;
  return {
    ...config,
    schedule: { ...config.schedule, maxIters },
    train: { ...config.train, evalInterval: tenth, checkpointInterval: tenth },
  };
}

/** Self-training: half as long, with no penalty on seen classes. */
function selfTraining(config: RunConfig, accumulation: number): RunConfig {
  const half = lasting(config, config.schedule.maxIters / 2);
  return {
    ...half,
    train: { ...half.train, mode: 'transductive', accumulation },
    eval: { ...half.eval, seenPenalty: 0 },
  };
}

const context = lasting(
  {
    ...voc,
    dataset: 'context59',
    data: { ...voc.data, root: 'data/VOCdevkit/VOC2010', trainSplit: 'train' },
    model: { ...voc.model, prompts: { ...voc.model.prompts, count: 35 } },
  },
  40_000,
);
const coco = lasting(
  {
    ...voc,
    dataset: 'coco171',
    data: { ...voc.data, root: 'data/coco_stuff164k', trainSplit: 'train2017', valSplit: 'val2017' },
    model: { ...voc.model, prompts: { ...voc.model.prompts, count: 50 } },
    eval: { ...voc.eval, backgroundThreshold: null },
  },
  80_000,
);

for (const [inductive, accumulation] of [
  [voc, 8],
  [context, 4],
  [coco, 4],
] as const) {
  const { dataset } = inductive;
  test(`${dataset}: inductive training`, () => assert.equal(fullPreset(dataset), inductive));
  test(`${dataset}: self-training`, () => {
    assert.equal(fullPreset(dataset, { mode: 'transductive' }), selfTraining(inductive, accumulation));
  });
}

test('a fully supervised run is an inductive one that penalises no class', () => {
  const { train, eval: evaluation } = voc;
  assert.equal(fullPreset('voc20', { mode: 'supervised' }), {
    ...voc,
    train: { ...train, mode: 'supervised' },
    eval: { ...evaluation, seenPenalty: 0 },
  });
});

test.run();
