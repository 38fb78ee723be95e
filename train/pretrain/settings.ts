import * as z from 'zod';
import type { ClipConfig } from '../../model/clip.ts';
import { describeIssues, problemsError } from '../config/errors.ts';
import { orNull, pair, real, text, whole } from '../config/fields.ts';
import { widestHead } from '../config/rules.ts';
import type { CaptionBook } from './captions.ts';

const model = z.strictObject({
  patch: whole('side in pixels of an image token', 1),
  width: whole('width of the image tower', 1),
  layers: whole('blocks of the image tower', 1),
  heads: whole('attention heads of the image tower; divides model.width', 1),
  embedDim: whole('width of the joint space', 1),
  textWidth: whole('width of the text tower', 1),
  textLayers: whole('blocks of the text tower', 1),
  textHeads: whole('attention heads of the text tower; divides model.textWidth', 1),
});

const stage = (scenes: string) =>
  z.strictObject({
    steps: whole(`steps with ${scenes}; 0 leaves them out`),
    size: whole('side of the scenes in pixels, a multiple of model.patch', 16, 512),
    lr: real('highest learning rate', { above: 0 }),
  });

/** Every setting of a pre-training. Unknown keys are errors; every leaf has a description. */
export const pretrainSchema = z.strictObject({
  seed: whole('seed of everything that is random', 0, 2 ** 32 - 1),
  adapter: orNull(text('part of the name of the GPU adapter; null: the best one')),
  model,
  loss: z.strictObject({
    tau: real('sharpness of the smooth maximum over patches', { above: 0 }),
  }),
  optim: z.strictObject({
    betas: pair('decay rates of the first and second moment', { from: 0, below: 1 }),
    eps: real('added to the root of the second moment', { above: 0 }),
    weightDecay: real('decoupled weight decay of weight matrices', { from: 0 }),
    maxNorm: real('largest norm of all gradients together', { above: 0 }),
    warmupSteps: whole('steps of the linear warm-up of each stage'),
  }),
  stage1: stage('one object a scene'),
  stage2: stage('one to three objects a scene'),
  data: z.strictObject({
    classShare: real('share of the objects that belong to the 20 classes', { from: 0, to: 1 }),
    workers: whole('threads that draw scenes; 0: the main thread does'),
    prefetch: whole('batches that each thread draws ahead', 1),
  }),
  train: z.strictObject({
    batch: whole('images of a step', 1),
    logInterval: whole('steps between two log lines', 1),
    evalInterval: whole('steps between two evaluations', 1),
    checkpointInterval: whole('steps between two checkpoints', 1),
    evalScenes: whole('held-out scenes of an evaluation', 1),
    stopAt: orNull(whole('stop cleanly after this step; null: at the end', 1)),
  }),
});

/** The resolved settings of a pre-training, as `config.json` in its folder holds them. */
export type PretrainSettings = z.infer<typeof pretrainSchema>;

/** The miniature that the project carries. */
export const defaultSettings: PretrainSettings = {
  seed: 0,
  adapter: null,
  model: {
    patch: 8,
    width: 128,
    layers: 6,
    heads: 4,
    embedDim: 96,
    textWidth: 96,
    textLayers: 2,
    textHeads: 4,
  },
  loss: { tau: 15 },
  optim: { betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.05, maxNorm: 1, warmupSteps: 60 },
  stage1: { steps: 5000, size: 32, lr: 1.5e-3 },
  stage2: { steps: 1000, size: 48, lr: 1e-3 },
  data: { classShare: 0.7, workers: 1, prefetch: 2 },
  train: {
    batch: 64,
    logInterval: 20,
    evalInterval: 500,
    checkpointInterval: 500,
    evalScenes: 200,
    stopAt: null,
  },
};

/**
 * Checks a value that should be {@link PretrainSettings}. `origin` is where it came from, for the message.
 * @throws ConfigError that lists everything unknown, missing, wrong or contradictory.
 */
export function parseSettings(value: unknown, origin: string): PretrainSettings {
  const result = pretrainSchema.safeParse(value);
  const problems = result.success
    ? contradictions(result.data).map((message) => ({ message, hint: '' }))
    : describeIssues(pretrainSchema, value, result.error);
  if (result.success && problems.length === 0) return result.data;
  throw problemsError(origin, problems);
}

function contradictions({ model, stage1, stage2 }: PretrainSettings): string[] {
  const divides = (part: string, by: number, whole: string, of: number): string[] =>
    of % by === 0 ? [] : [`${part}: ${by} does not divide ${whole}, which is ${of}`];
  const narrow = (part: string, heads: number, whole: string, width: number): string[] =>
    width <= widestHead * heads
      ? []
      : [`${part}: ${heads} heads of ${whole}, which is ${width}, are wider than ${widestHead} columns each`];
  return [
    ...narrow('model.heads', model.heads, 'model.width', model.width),
    ...narrow('model.textHeads', model.textHeads, 'model.textWidth', model.textWidth),
    ...divides('model.heads', model.heads, 'model.width', model.width),
    ...divides('model.textHeads', model.textHeads, 'model.textWidth', model.textWidth),
    ...divides('model.patch', model.patch, 'stage1.size', stage1.size),
    ...divides('model.patch', model.patch, 'stage2.size', stage2.size),
    ...(stage1.steps + stage2.steps === 0 ? ['stage1.steps: both stages have no steps'] : []),
  ];
}

/** The towers for images of `resolution` pixels and the captions of `book`. */
export function clipConfig(
  { model }: PretrainSettings,
  { context, vocabulary }: Pick<CaptionBook, 'context' | 'vocabulary'>,
  resolution: number,
): ClipConfig {
  const { patch, width, layers, heads, embedDim } = model;
  return {
    vision: { patch, width, layers, heads, embedDim, resolution },
    text: {
      width: model.textWidth,
      layers: model.textLayers,
      heads: model.textHeads,
      embedDim,
      contextLength: context,
      vocabularySize: vocabulary.size,
    },
  };
}
