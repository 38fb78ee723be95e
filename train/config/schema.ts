import * as z from 'zod';
import {
  aggregations,
  type DecoderConfig,
  type ModelConfig,
  type PromptConfig,
  type VisionConfig,
} from '../../model/config.ts';
import { added, choice, flag, list, orNull, pair, real, text, whole } from './fields.ts';

/** The three benchmarks, by their number of classes. */
export const datasetNames = ['voc20', 'context59', 'coco171'] as const;
export type DatasetName = (typeof datasetNames)[number];

/** Which classes' masks a training run sees; see `trainingTable` in `data/labels.ts`. */
export const trainingModes = ['inductive', 'transductive', 'supervised'] as const;
export type TrainingMode = (typeof trainingModes)[number];

/** How activations and frozen weights are stored; everything is computed in f32. */
export const precisions = ['f32', 'f16'] as const;

/** A schema for each field of `Type`: makes the compiler compare the schema with the model's own types. */
type FieldsOf<Type> = { [Key in keyof Type]: z.ZodType<Type[Key]> };

const data = z.strictObject({
  root: text('folder of the data set in its own layout (VOC: JPEGImages, SegmentationClass, ImageSets)'),
  clip: orNull(text("CLIP's image and text weights; null: the image tower starts at random")),
  textEmbeddings: orNull(
    text("class embeddings as .npy (classes, D); null: CLIP's text tower computes them"),
  ),
  trainSplit: text('name of the split that is trained on (VOC: trainaug with the images of SBD, or train)'),
  valSplit: text('name of the split that is evaluated on'),
  embedded: flag(
    'the embedded miniature: icon scenes of data.crop pixels are drawn into a cache on first use',
  ),
  crop: whole('side in pixels of a training crop', 1),
  scale: pair('[long, short] sides in pixels that images are fitted to, before the random ratio', {
    from: 1,
  }),
  ratio: pair('[least, most] random factor on data.scale', { above: 0 }),
  catMaxRatio: real('a crop is redrawn while one class has at least this share of it', { above: 0, to: 1 }),
  flip: real('probability of a horizontal flip', { from: 0, to: 1 }),
  photometric: flag('random brightness, contrast, saturation and hue'),
  workers: whole('threads that decode and augment; 0: the main thread does'),
  prefetch: whole('batches prepared ahead of the GPU', 1),
});

const vision = z.strictObject({
  patch: whole('patch side in pixels', 1),
  width: whole('width W of the residual stream', 1),
  layers: whole('transformer blocks', 1),
  heads: whole('attention heads; must divide model.vision.width', 1),
  embedDim: whole('width D of the joint image-text space', 1),
  resolution: whole('side in pixels of the image that the stored position grid belongs to', 1),
} satisfies FieldsOf<VisionConfig>);

const prompts = z.strictObject({
  count: whole('T, prompt tokens a block sees', 1),
  deep: whole('blocks 1..deep get prompts of their own'),
  dropout: real('dropout probability on prompt tokens', { from: 0, below: 1 }),
} satisfies FieldsOf<PromptConfig>);

const decoder = z.strictObject({
  layers: whole('layers of a decoder', 1),
  heads: whole('heads of the cross-attention; must divide model.vision.embedDim', 1),
  hiddenMultiple: whole('inner width of the feed-forward network in multiples of model.vision.embedDim', 1),
  dropout: real('dropout probability in the decoders', { from: 0, below: 1 }),
} satisfies FieldsOf<DecoderConfig>);

const model = z.strictObject({
  vision,
  prompts,
  stages: list(
    'groups of 0-based block indices, shallow to deep, one group a decoder',
    z.array(z.int().min(0)),
    'a list of lists of block indices, such as [[5,6,7],[8,9,10],[11]]',
  ),
  aggregation: added(
    choice(
      'what makes one memory of the blocks of a stage: NGA with learnt or fixed weights, the plain sum, a linear layer after concatenation',
      aggregations,
    ),
    'gaussian',
  ),
  sharedQueries: flag('one projection of the class queries for all decoders instead of one for each'),
  decoder,
  logitBias: orNull(real('start of a learnable scalar added to the summed masks; null: no such parameter')),
  headStd: orNull(
    real("standard deviation of the head's linear weights at the start; null: PyTorch's default", {
      from: 0,
    }),
  ),
} satisfies FieldsOf<ModelConfig>);

const loss = z.strictObject({
  focalWeight: real('weight of the focal loss', { from: 0 }),
  diceWeight: real('weight of the dice loss', { from: 0 }),
  alpha: real('focal loss: weight of the positives', { from: 0, to: 1 }),
  gamma: real('focal loss: exponent of the modulating factor', { from: 0 }),
});

const rule = z.strictObject({
  key: z.string().min(1),
  lrMultiple: z.number().gte(0).optional(),
  decayMultiple: z.number().gte(0).optional(),
});

const optim = z.strictObject({
  lr: real('base learning rate of AdamW', { from: 0 }),
  betas: pair('decay rates of the first and second moment', { from: 0, below: 1 }),
  eps: real('added to the root of the second moment', { above: 0 }),
  weightDecay: real('decoupled weight decay', { from: 0 }),
  rules: list(
    'multiples of optim.lr and optim.weightDecay for parameters whose name contains the key; the longest key wins',
    rule,
    'a list of {"key": text, "lrMultiple": number >= 0, "decayMultiple": number >= 0}',
  ),
});

const schedule = z.strictObject({
  maxIters: whole('steps of the whole schedule', 1),
  warmupIters: whole('steps of the linear warm-up'),
  warmupRatio: real('share of the learning rate that the warm-up starts at', { from: 0, to: 1 }),
  power: real('exponent of the polynomial decay', { from: 0 }),
  minLr: real('learning rate that the decay ends at', { from: 0 }),
});

const train = z.strictObject({
  mode: choice(
    'which masks are seen: of the seen classes; the same and self-training; of all',
    trainingModes,
  ),
  startFrom: orNull(text('checkpoint whose weights training starts from; null: data.clip')),
  batch: whole('images in one forward pass', 1),
  accumulation: whole('forward passes whose gradients make one step', 1),
  logInterval: whole('steps between two log lines', 1),
  evalInterval: whole('steps between two evaluations', 1),
  checkpointInterval: whole('steps between two checkpoints', 1),
  stopAt: orNull(whole('stop cleanly after this step of the schedule; null: at its end', 1)),
});

const evaluation = z.strictObject({
  crop: whole('side in pixels of the sliding window', 1),
  stride: whole('pixels between two windows; at most eval.crop', 1),
  shortSide: whole('short side in pixels that a test image is resized to', 1),
  seenPenalty: real('subtracted from the scores of seen classes', { from: 0, to: 1 }),
  backgroundThreshold: orNull(
    real('a pixel whose best score is below counts as background; null: no metrics with background', {
      from: 0,
      to: 1,
    }),
  ),
  maxImages: orNull(whole('evaluate only the first images of the split; null: all', 1)),
  overlays: whole('pictures (image | truth | prediction) written at the end'),
});

const engine = z.strictObject({
  precision: added(
    choice(
      'how activations and frozen weights are stored; f16 halves their memory and needs an adapter with shader-f16',
      precisions,
    ),
    'f32',
  ),
  checkpointing: added(
    flag(
      'activations of transformer blocks are computed again for backward: less memory, more time, same bits',
    ),
    false,
  ),
});

/** Every setting of a run by itself. Unknown keys are errors; every leaf has a description. */
export const settingsSchema = z.strictObject({
  dataset: choice('benchmark', datasetNames),
  seed: whole('seed of everything that is random', 0, 2 ** 32 - 1),
  adapter: orNull(text('part of the name of the GPU adapter; null: the best one')),
  engine,
  data,
  model,
  loss,
  optim,
  schedule,
  train,
  eval: evaluation,
});

/** The resolved configuration of a run, as `config.json` in its folder holds it. */
export type RunConfig = z.infer<typeof settingsSchema>;
