import type { Engine } from '../engine/engine.ts';
import { add, addScalar, cast, concat, gaussianSum, relationship, reshape } from '../engine/ops/index.ts';
import type { Tensor } from '../engine/tensor.ts';
import { project } from './block.ts';
import type { ModelConfig } from './config.ts';
import { decoder } from './decoder.ts';
import type { DropoutMasks } from './dropout.ts';
import { concatKey, gaussianKey, queryKey } from './parameters.ts';
import type { Weights } from './store.ts';
import { type Observe, visionTower } from './vision.ts';

/** One forward pass of Cascade-CLIP. Li et al. 2024 (ICML), "Cascade-CLIP". */
export interface CascadeInput {
  /** (B, 3, H, W), normalised with ImageNet's mean and deviation. */
  image: Tensor;
  /** Text embeddings (C, D) of the classes to score, unit length. */
  text: Tensor;
  /** Dropout masks of the step; {@link noDropout} in evaluation. */
  masks: DropoutMasks;
}

/** Mask logits on the token grid: the sum of the stage masks, (B, C, rows, cols). */
export function cascadeMasks(
  engine: Engine,
  { image, text, masks }: CascadeInput,
  weights: Weights,
  config: ModelConfig,
  observe: Observe = () => {},
): Tensor {
  const features = engine.scope(() =>
    visionTower(engine, image, weights.under('backbone'), config, masks, observe),
  );
  const { rows, cols } = features;
  const head = weights.under('decode_head');
  const shape = [image.shape[0], text.shape[0], rows, cols];
  const described = cast({ x: relationship({ text, global: features.global }), dtype: engine.precision });
  observe('relationship', described);
  let first = 0;
  let total: Tensor | null = null;
  for (const [stage, blocks] of config.stages.entries()) {
    const layers = features.laterals.slice(first, first + blocks.length);
    first += blocks.length;
    const mask = engine.scope(() => {
      const memory = stageMemory(layers, head, stage, config);
      const query = project(described, head, queryKey(config, stage));
      observe(`nga${stage}`, memory);
      observe(`query${stage}`, query);
      const own = head.under(`cascade_decoders.${stage}`);
      const scores = engine.at(`cascade_decoders.${stage}`, () =>
        decoder(engine, query, memory, own, config.decoder, masks, (name, x) =>
          observe(`decoder${stage}.${name}`, x),
        ),
      );
      return reshape({ x: scores, shape });
    });
    observe(`mask${stage}`, mask);
    total = total ? add({ a: total, b: mask }) : mask;
  }
  if (!total) throw new Error('a configuration has at least one stage');
  const sum = config.logitBias === null ? total : addScalar({ x: total, scalar: head.get('logit_bias') });
  observe('mask_sum', sum);
  return sum;
}

/** What the decoder of a stage attends to, (B, N, D), from the taps of the stage. */
function stageMemory(
  layers: readonly Tensor[],
  head: Weights,
  stage: number,
  { aggregation }: ModelConfig,
): Tensor {
  if (layers.length === 1) return layers[0];
  return aggregation === 'concat'
    ? project(concat({ parts: [...layers], axis: 2 }), head, concatKey(stage))
    : gaussianSum({ layers: [...layers], weights: head.get(gaussianKey(stage)) });
}
