import type { Engine } from '../engine/engine.ts';
import { valueAndGrad } from '../engine/grad.ts';
import {
  accumulate,
  logStep,
  resize,
  slice,
  upsampledMaskLoss,
  upsampledPseudoLabels,
} from '../engine/ops/index.ts';
import type { Parameter, Tensor } from '../engine/tensor.ts';
import { cascadeMasks } from '../model/cascade.ts';
import type { ModelConfig } from '../model/config.ts';
import { DropoutMasks } from '../model/dropout.ts';
import type { ParameterStore } from '../model/store.ts';
import type { Observe } from '../model/vision.ts';
import { unlabelledLabel } from './data/labels.ts';
import type { AdamW } from './optimizer.ts';
import type { StepState } from './step_state.ts';

export interface LossSettings {
  focalWeight: number;
  diceWeight: number;
  alpha: number;
  gamma: number;
}

/** What stays the same from step to step. */
export interface StepContext {
  engine: Engine;
  config: ModelConfig;
  store: ParameterStore;
  loss: LossSettings;
  /** Embeddings (C, D) of the classes that training scores. */
  text: Tensor;
  /** Novel classes that label unlabelled pixels in self-training, u32; null otherwise. */
  novel: Tensor | null;
}

/** One micro-batch on the GPU. */
export interface MicroBatch {
  /** (B, 3, H, W) */
  image: Tensor;
  /** (B, H, W), u32 */
  labels: Tensor;
}

export interface StepGradients {
  grads: Map<Parameter, Tensor>;
  /** (4): focal, dice, total, present pairs; sums over the micro-batches, not yet divided where there are several. */
  parts: Tensor;
}

/**
 * Loss and gradients of one step. A single batch is divided by its own number of present (image, class) pairs;
 * with several micro-batches sums are returned, to be divided by the pairs of all, so that they equal one
 * large batch.
 * @param seed (1): the gradients are multiplied by it; 1 by default.
 */
export function stepGradients(
  { engine, config, store, loss, text, novel }: StepContext,
  batches: readonly MicroBatch[],
  random: Tensor | null,
  observe?: Observe,
  seed?: Tensor,
): StepGradients {
  const dropout = new DropoutMasks(random);
  const trainable = store.trainable;
  return engine.scope(() => {
    let total: StepGradients | null = null;
    for (const { image, labels } of batches) {
      const lossOf = () => {
        const masks = cascadeMasks(engine, { image, text, masks: dropout }, store, config, observe);
        const detached = engine.detach(masks);
        const targets = novel
          ? upsampledPseudoLabels({ masks: detached, labels, novel, unlabelled: unlabelledLabel >>> 0 })
          : labels;
        const normalise = batches.length === 1;
        const [value, parts] = upsampledMaskLoss({ masks, labels: targets, ...loss, normalise });
        if (observe) {
          const [, height, width] = labels.shape;
          observe('pred_masks', resize({ x: detached, height, width }));
        }
        return [value, { parts, targets }] as const;
      };
      const { grads, aux } = valueAndGrad(engine, trainable, lossOf, seed);
      observe?.('labels', aux.targets);
      total = total ? sumOf(total, { grads, parts: aux.parts }) : { grads, parts: aux.parts };
    }
    if (!total) throw new RangeError('a step has at least one micro-batch');
    return total;
  });
}

function sumOf(a: StepGradients, b: StepGradients): StepGradients {
  const grads = new Map(
    [...a.grads].map(([parameter, grad]) => [parameter, accumulate({ a: grad, b: b.grads.get(parameter)! })]),
  );
  return { grads, parts: accumulate({ a: a.parts, b: b.parts }) };
}

/** Records one whole training step: forward, backward, log, update. Uploads must have been made before. */
export function trainingStep(
  context: StepContext,
  optimizer: AdamW,
  batches: readonly MicroBatch[],
  state: StepState,
): void {
  const { engine } = context;
  engine.scope(() => {
    const { grads, parts } = stepGradients(
      context,
      batches,
      state.random,
      undefined,
      optimizer.lossScale?.factor,
    );
    logStep({ loss: parts, state: state.random, ring: state.ring, health: state.health });
    const divisor = batches.length === 1 ? engine.one() : slice({ x: parts, axis: 0, start: 3, length: 1 });
    updateParameters(optimizer, grads, divisor, state);
  });
}

/** Records the update. @param divisor (1): what the gradients are to be divided by, besides the loss scale. */
export function updateParameters(
  optimizer: AdamW,
  grads: ReadonlyMap<Parameter, Tensor>,
  divisor: Tensor,
  { random, health }: Pick<StepState, 'random' | 'health'>,
): void {
  const gathered = optimizer.gather(grads);
  const settled = optimizer.lossScale?.settle(gathered, divisor, random, health) ?? { divisor, health };
  optimizer.update(settled.divisor, settled.health);
}
