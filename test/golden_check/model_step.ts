import type { Engine } from '../../engine/engine.ts';
import { argmax, resize } from '../../engine/ops/index.ts';
import type { Parameter, Tensor } from '../../engine/tensor.ts';
import { cascadeMasks } from '../../model/cascade.ts';
import type { ModelConfig } from '../../model/config.ts';
import { noDropout } from '../../model/dropout.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { ParameterStore } from '../../model/store.ts';
import { mapLabels, trainingTable } from '../../train/data/labels.ts';
import { penalties, slidingScores } from '../../train/evaluation/inference.ts';
import { AdamW } from '../../train/optimizer.ts';
import { learningRate } from '../../train/schedule.ts';
import { type MicroBatch, type StepContext, stepGradients, updateParameters } from '../../train/step.ts';
import { Comparisons } from './compare.ts';
import { below, type Fixture, shapeOf, values } from './fixture.ts';

/**
 * What each precision of activations may be off by, relative to a tensor's largest magnitude; for labels the share that
 * differs. One rounding to f16 is 5e-4, and a dozen of them lie between image and mask. Single gradients are further
 * off, their median is not: rounding lets a few inputs of ReLU change their sign, which opens or closes a row.
 */
const TOLERANCES = {
  f32: { forward: 2e-5, loss: 2e-5, gradient: 1e-4, update: 1e-4, labels: 0 },
  f16: { forward: 1e-2, loss: 5e-3, gradient: 0.2, update: 3e-2, labels: 2e-2 },
};
/** Low enough for the large gradients of tiny random models. */
const LOSS_SCALE = 256;

/** The sidecar of a model-step fixture. */
interface StepJson {
  config: {
    image_size: number;
    pos_resolution: number;
    patch: number;
    width: number;
    layers: number;
    heads: number;
    embed_dim: number;
    out_indices: number[];
    num_prompts: number;
    deep_prompts: number;
    dec_heads: number;
    dec_layers: number;
    num_classes: number;
    seen: number[];
    transductive: boolean;
    focal_weight: number;
    dice_weight: number;
    seen_penalty: number;
    crop: number;
    stride: number;
  };
  novel: number[];
  training: {
    lr: number;
    weight_decay: number;
    custom_keys: Record<string, { lr_mult?: number; decay_mult?: number }>;
    max_iters: number;
    warmup_iters: number;
    warmup_ratio: number;
    power: number;
    min_lr: number;
    t: number;
  };
  optimizer: { betas: [number, number]; eps: number };
  slide: { original_size: [number, number] };
  num_masks: number;
  loss_per_step: { focal: number; dice: number; total: number; num_masks: number }[];
  null_gradient: string[];
  torch_f32_error: Record<string, [number, number]>;
}

/** Runs a whole fixture: forward, loss, gradients, three optimiser steps, evaluation, sliding window. */
export async function checkModelStep(engine: Engine, fixture: Fixture): Promise<Comparisons> {
  const json = fixture.json as unknown as StepJson;
  const result = new Comparisons(json.torch_f32_error);
  const config = modelConfig(fixture, json);
  const given = below(fixture, 'param/');
  const store = new ParameterStore(engine, parameterSpecs(config), given, 0);
  const run = new FixtureRun(engine, fixture, json, config, store, result);
  await run.evaluation();
  await run.training();
  return result;
}

/** Reads the stages off the lengths of the NGA weights. */
function modelConfig(fixture: Fixture, { config: c }: StepJson): ModelConfig {
  const taps = [...c.out_indices, c.layers - 1];
  const stages: number[][] = [];
  for (let at = 0; at < taps.length; ) {
    const weights = fixture.tensors.get(`param/decode_head.weights_s${stages.length + 1}`);
    const size = weights ? weights.shape[0] : 1;
    stages.push(taps.slice(at, at + size));
    at += size;
  }
  const hidden = shapeOf(fixture, 'param/decode_head.cascade_decoders.0.layers.0.linear1.weight')[0];
  return {
    vision: {
      patch: c.patch,
      width: c.width,
      layers: c.layers,
      heads: c.heads,
      embedDim: c.embed_dim,
      resolution: c.pos_resolution,
    },
    prompts: { count: c.num_prompts, deep: c.deep_prompts, dropout: 0 },
    stages,
    aggregation: 'gaussian',
    sharedQueries: false,
    decoder: { layers: c.dec_layers, heads: c.dec_heads, hiddenMultiple: hidden / c.embed_dim, dropout: 0 },
    logitBias: null,
    headStd: null,
  };
}

class FixtureRun {
  private readonly engine: Engine;
  private readonly fixture: Fixture;
  private readonly json: StepJson;
  private readonly config: ModelConfig;
  private readonly store: ParameterStore;
  private readonly result: Comparisons;
  private readonly tolerances: (typeof TOLERANCES)['f32'];

  constructor(
    engine: Engine,
    fixture: Fixture,
    json: StepJson,
    config: ModelConfig,
    store: ParameterStore,
    result: Comparisons,
  ) {
    this.engine = engine;
    this.fixture = fixture;
    this.json = json;
    this.config = config;
    this.store = store;
    this.result = result;
    this.tolerances = TOLERANCES[engine.precision];
  }

  /** Evaluation mode on the first image, then the sliding window on an image of its own. */
  async evaluation(): Promise<void> {
    const { engine, fixture, json, config, store, result, tolerances } = this;
    const { num_classes: classes, seen, transductive, seen_penalty, crop, stride } = json.config;
    const text = this.input('text');
    const penalty = engine.tensor(penalties(classes, transductive ? [] : seen, seen_penalty), [classes]);
    const shape = shapeOf(fixture, 'image');
    const first = values(fixture, 'image').slice(0, shape[1] * shape[2] * shape[3]);
    const image = engine.tensor(first, [1, ...shape.slice(1)]);
    const own = { image, text, penalty, crop: Math.max(shape[2], shape[3]), stride };
    const evaluated = await engine.fetch(() => ({
      'eval/mask_sum': cascadeMasks(engine, { image, text, masks: noDropout }, store, config),
      'eval/scores': slidingScores(engine, own, store, config),
    }));
    const slide = { image: this.input('slide/image'), text, penalty, crop, stride };
    const [height, width] = json.slide.original_size;
    const slid = await engine.fetch(() => {
      const scores = slidingScores(engine, slide, store, config);
      const rescaled = resize({ x: scores, height, width });
      return {
        'slide/scores': scores,
        'slide/rescaled': rescaled,
        'slide/labels': argmax({ scores: rescaled, backgroundBelow: null }).label,
      };
    });
    const { 'slide/labels': labels, ...floats } = { ...evaluated, ...slid };
    for (const [name, found] of Object.entries(floats)) {
      result.close(
        name.startsWith('eval') ? 'eval scores' : 'sliding scores',
        name,
        found,
        values(fixture, name),
        tolerances.forward,
      );
    }
    result.same('sliding labels', 'slide/labels', labels, values(fixture, 'slide/labels'), tolerances.labels);
  }

  /** Three steps; the first one is compared tensor by tensor. */
  async training(): Promise<void> {
    const { engine, json, store, result, fixture, tolerances } = this;
    const { training, optimizer: settings } = json;
    const rules = Object.entries(training.custom_keys).map(([key, rule]) => ({
      key,
      lrMultiple: rule.lr_mult,
      decayMultiple: rule.decay_mult,
    }));
    const optimizer = new AdamW(engine, store.trainable, {
      ...settings,
      lr: training.lr,
      weightDecay: training.weight_decay,
      rules,
    });
    const schedule = {
      maxIters: training.max_iters,
      warmupIters: training.warmup_iters,
      warmupRatio: training.warmup_ratio,
      power: training.power,
      minLr: training.min_lr,
    };
    optimizer.lossScale?.restore([LOSS_SCALE, 0]);
    const context = this.context();
    const batch = this.batch(context);
    const health = engine.zeros([2], 'u32');
    const random = engine.zeros([4], 'u32');
    for (const [index, truth] of json.loss_per_step.entries()) {
      optimizer.begin((base) => learningRate(training.t + index, base, schedule));
      const seen = new Map<string, Tensor>();
      const observe = (name: string, tensor: Tensor): void => {
        tensor.storage.hold();
        seen.set(name, tensor);
      };
      const { grads, parts } = stepGradients(
        context,
        [batch],
        null,
        index === 0 ? observe : undefined,
        optimizer.lossScale?.factor,
      );
      updateParameters(optimizer, grads, engine.one(), { random, health });
      const found = await parts.read();
      result.close(
        'loss',
        `loss at step ${index}`,
        found.slice(0, 3),
        [truth.focal, truth.dice, truth.total],
        tolerances.loss,
      );
      result.same('loss', `masks at step ${index}`, [Math.max(1, found[3])], [truth.num_masks]);
      if (index === 0) {
        await this.compareForward(seen);
        await this.compareGradients(grads, optimizer.lossScale ? LOSS_SCALE : 1);
      }
      for (const tensor of [parts, ...grads.values(), ...seen.values()]) tensor.storage.release();
    }
    for (const parameter of store.trainable) {
      const key = `after3/${parameter.name}`;
      if (fixture.tensors.has(key)) {
        const found = await parameter.read();
        result.close('after three steps', key, found, values(fixture, key), tolerances.update);
      }
    }
  }

  private context(): StepContext {
    const { engine, json, fixture, config, store } = this;
    const { seen, transductive, focal_weight, dice_weight } = json.config;
    const text = values(fixture, 'text') as Float32Array<ArrayBuffer>;
    const width = shapeOf(fixture, 'text')[1];
    const rows = transductive ? [...Array(text.length / width).keys()] : seen;
    const chosen = Float32Array.from(
      rows.flatMap((row) => [...text.subarray(row * width, (row + 1) * width)]),
    );
    return {
      engine,
      config,
      store,
      loss: { focalWeight: focal_weight, diceWeight: dice_weight, alpha: 0.25, gamma: 2 },
      text: engine.tensor(chosen, [rows.length, width]),
      novel: transductive ? engine.tensor(Uint32Array.from(json.novel), [json.novel.length]) : null,
    };
  }

  private batch(context: StepContext): MicroBatch {
    const { engine, fixture, json } = this;
    const table = trainingTable(context.novel ? 'transductive' : 'inductive', json.config.seen);
    const raw = Uint8Array.from(values(fixture, 'labels_raw'));
    const labels = Uint32Array.from(mapLabels(raw, table, new Int32Array(raw.length)));
    return { image: this.input('image'), labels: engine.tensor(labels, shapeOf(fixture, 'labels_raw')) };
  }

  private async compareForward(seen: ReadonlyMap<string, Tensor>): Promise<void> {
    const { fixture, result, tolerances } = this;
    for (const [name, truth] of below(fixture, 'train/')) {
      const found = await seen.get(name)?.read();
      result.close('forward', `train/${name}`, found ?? [], truth.data as Float32Array, tolerances.forward);
    }
    const labels = Int32Array.from((await seen.get('labels')?.read()) ?? []);
    const truth = values(fixture, 'labels_train');
    result.same('training labels', 'labels_train', labels, truth, tolerances.labels);
  }

  /** @param scale what the gradients are too large by. */
  private async compareGradients(grads: ReadonlyMap<Parameter, Tensor>, scale: number): Promise<void> {
    const byName = new Map([...grads].map(([parameter, grad]) => [parameter.name, grad]));
    for (const [name, truth] of below(this.fixture, 'grad/')) {
      if (this.json.null_gradient.includes(name)) continue;
      const found = (await byName.get(name)?.read())?.map((value) => value / scale);
      const allowed = this.tolerances.gradient;
      this.result.close('gradients', `grad/${name}`, found ?? [], truth.data as Float32Array, allowed);
    }
  }

  private input(key: string): Tensor {
    return this.engine.tensor(values(this.fixture, key), shapeOf(this.fixture, key));
  }
}
