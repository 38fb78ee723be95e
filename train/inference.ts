import type { Engine } from '../engine/engine.ts';
import { addWindowScores, averageWindows, slice } from '../engine/ops/index.ts';
import type { Tensor } from '../engine/tensor.ts';
import { predictMasks } from '../model/cascade.ts';
import type { ModelConfig } from '../model/config.ts';
import { noDropout } from '../model/dropout.ts';
import type { Weights } from '../model/store.ts';
import { slidingWindows } from './sliding_window.ts';

export interface InferenceInput {
  /** (1, 3, H, W), normalised; any size of at least one patch. */
  image: Tensor;
  /** Embeddings (C, D) of the classes to score. */
  text: Tensor;
  /** Subtracted from the scores of each class, (C). */
  penalty: Tensor;
  /** Side of the window and pixels between two, for the sliding window. */
  crop: number;
  stride: number;
}

/**
 * Scores of every class and pixel, (1, C, H, W): sigmoid(mask logits) - penalty, averaged over the sliding
 * windows that cover the pixel.
 */
export function slidingScores(
  engine: Engine,
  { image, text, penalty, crop, stride }: InferenceInput,
  weights: Weights,
  config: ModelConfig,
): Tensor {
  const [, , height, width] = image.shape;
  const windows = slidingWindows(height, width, crop, stride);
  return engine.scope(() => {
    const canvas = engine.zeros([1, text.shape[0], height, width]);
    for (const window of windows) {
      engine.scope(() => {
        const { y1, y2, x1, x2 } = window;
        const rows = slice({ x: image, axis: 2, start: y1, length: y2 - y1 });
        const cropped = slice({ x: rows, axis: 3, start: x1, length: x2 - x1 });
        const logits = predictMasks(engine, { image: cropped, text, masks: noDropout }, weights, config);
        addWindowScores({ logits, penalty, canvas, window });
      });
    }
    averageWindows({ canvas, windows });
    return canvas;
  });
}

/** What inductive inference subtracts from each class: `seenPenalty` for seen ones, nothing for the others. */
export function penalties(
  classes: number,
  seen: readonly number[],
  seenPenalty: number,
): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: classes }, (_, id) => (seen.includes(id) ? seenPenalty : 0));
}
