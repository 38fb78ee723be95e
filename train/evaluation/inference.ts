import type { Engine } from '../../engine/engine.ts';
import {
  addWindowScores,
  argmax,
  averageWindows,
  resize,
  slice,
  type Window,
} from '../../engine/ops/index.ts';
import { bytesOf } from '../../engine/shape.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { cascadeMasks } from '../../model/cascade.ts';
import type { ModelConfig } from '../../model/config.ts';
import { noDropout } from '../../model/dropout.ts';
import type { Weights } from '../../model/store.ts';
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

/** The windows of an image with their mask logits on the token grid, (1, C, rows, cols) each. */
interface WindowLogits {
  windows: readonly Window[];
  logits: readonly Tensor[];
}

/**
 * Scores of every class and pixel, (1, C, H, W): sigmoid(mask logits) - penalty, averaged over the sliding
 * windows that cover the pixel.
 */
export function slidingScores(
  engine: Engine,
  input: InferenceInput,
  weights: Weights,
  config: ModelConfig,
): Tensor {
  return engine.scope(() => scoresOf(engine, input, windowLogits(engine, input, weights, config)));
}

/** Most bytes of scores at one time: more classes at once would gain little. */
const SCORE_BYTES = 512 * 2 ** 20;

/** What the pixels of an image are to be labelled with. */
export interface Labelling {
  /** The image's original size, which the scores are resized to. */
  height: number;
  width: number;
  /** For each labelling wanted: see `argmax`. */
  backgroundBelow: readonly (number | null)[];
}

/**
 * Labels of the pixels, (1, height, width), u32, by the highest of {@link slidingScores}; as many as there are
 * values of `backgroundBelow`. No more classes are scored at a time than {@link SCORE_BYTES} hold and the adapter binds.
 */
export function labelPixels(
  engine: Engine,
  input: InferenceInput,
  { height, width, backgroundBelow }: Labelling,
  weights: Weights,
  config: ModelConfig,
): Tensor[] {
  const [, , rows, cols] = input.image.shape;
  const classes = input.text.shape[0];
  const plane = bytesOf([Math.max(rows * cols, height * width)], 'f32');
  const bytes = Math.min(SCORE_BYTES, engine.gpu.device.maxBindingBytes);
  const most = Math.max(1, Math.floor(bytes / plane));
  return engine.scope(() => {
    const found = windowLogits(engine, input, weights, config);
    const shape = [1, height, width];
    const all = backgroundBelow.map(() => ({ best: engine.empty(shape), label: engine.empty(shape, 'u32') }));
    for (let firstClass = 0; firstClass < classes; firstClass += most) {
      engine.scope(() => {
        const part = { start: firstClass, length: Math.min(most, classes - firstClass) };
        const penalty = slice({ x: input.penalty, axis: 0, ...part });
        const logits = found.logits.map((x) => slice({ x, axis: 1, ...part }));
        const scores = scoresOf(engine, { ...input, penalty }, { ...found, logits });
        const resized = resize({ x: scores, height, width });
        for (const [i, below] of backgroundBelow.entries())
          argmax({ scores: resized, backgroundBelow: below, continued: { labels: all[i], firstClass } });
      });
    }
    return all.map(({ label }) => label);
  });
}

function windowLogits(
  engine: Engine,
  { image, text, crop, stride }: InferenceInput,
  weights: Weights,
  config: ModelConfig,
): WindowLogits {
  const windows = slidingWindows(image.shape[2], image.shape[3], crop, stride);
  const logits = windows.map(({ y1, y2, x1, x2 }) =>
    engine.scope(() => {
      const rows = slice({ x: image, axis: 2, start: y1, length: y2 - y1 });
      const cropped = slice({ x: rows, axis: 3, start: x1, length: x2 - x1 });
      return cascadeMasks(engine, { image: cropped, text, masks: noDropout }, weights, config);
    }),
  );
  return { windows, logits };
}

function scoresOf(
  engine: Engine,
  { image, penalty }: Pick<InferenceInput, 'image' | 'penalty'>,
  { windows, logits }: WindowLogits,
): Tensor {
  return engine.scope(() => {
    const canvas = engine.zeros([1, penalty.size, ...image.shape.slice(2)]);
    for (const [i, window] of windows.entries()) {
      engine.scope(() => {
        const { y1, y2, x1, x2 } = window;
        const upsampled = resize({ x: logits[i], height: y2 - y1, width: x2 - x1 });
        addWindowScores({ logits: upsampled, penalty, canvas, window });
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
