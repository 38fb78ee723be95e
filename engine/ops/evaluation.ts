import { argmax as argmaxKernel, confusion } from '../../kernels/evaluation/evaluation.ts';
import { windowAdd, windowAverage } from '../../kernels/evaluation/windows.ts';
import { engineOf, launch } from '../launch.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** The best class of every pixel so far, both (B, H, W). */
export interface Labels {
  best: Tensor;
  /** u32 */
  label: Tensor;
}

interface ArgmaxArgs {
  /** (B, C, H, W) */
  scores: Tensor;
  /** Number classes from 1 and give 0 where no score is above this; null for plain argmax. */
  backgroundBelow: number | null;
  /** What the classes before `firstClass` gave, to be brought up to date; without it C are all classes. */
  continued?: { labels: Labels; firstClass: number };
}

/** Class of every pixel, the first of equal scores. Not differentiable. */
export function argmax({ scores, backgroundBelow, continued }: ArgmaxArgs): Labels {
  const engine = engineOf({ scores });
  const [images, classes, height, width] = scores.shape;
  const shape = [images, height, width];
  const dims = {
    images,
    classes,
    pixels: height * width,
    firstClass: continued?.firstClass ?? 0,
    background: Number(backgroundBelow !== null),
    threshold: backgroundBelow ?? 0,
  };
  const { best, label } = continued?.labels ?? {
    best: engine.empty(shape),
    label: engine.empty(shape, 'u32'),
  };
  launch(argmaxKernel, dims, { scores, best, label });
  return { best, label };
}

/** Adds the pixels of one prediction to `matrix` (classes, classes), u32: row = truth, column = prediction. */
export function addConfusion({
  prediction,
  truth,
  matrix,
}: {
  prediction: Tensor;
  truth: Tensor;
  matrix: Tensor;
}): void {
  launch(confusion, { count: prediction.size, classes: matrix.shape[0] }, { prediction, truth, matrix });
}

/** A window of an image, in pixels; `y2` and `x2` are one past the last row and column. */
export interface Window {
  y1: number;
  y2: number;
  x1: number;
  x2: number;
}

interface WindowScoreArgs {
  /** Mask logits of one window (1, C, h, w). */
  logits: Tensor;
  /** Subtracted from the scores of each class (C). */
  penalty: Tensor;
  /** Summed scores of the image (1, C, H, W); updated in place. */
  canvas: Tensor;
  window: Window;
}

/** Adds sigmoid(logits) - penalty of one window to the canvas. */
export function addWindowScores({ logits, penalty, canvas, window }: WindowScoreArgs): void {
  const [, classes, height, width] = canvas.shape;
  const { y1, y2, x1, x2 } = window;
  expectShape('window scores: logits', logits.shape, [1, classes, y2 - y1, x2 - x1]);
  const dims = { classes, height, width, top: y1, left: x1, window_height: y2 - y1, window_width: x2 - x1 };
  launch(windowAdd, dims, { logits, penalty, canvas });
}

/** Divides the summed scores of an image by the number of windows over each pixel, in place. */
export function averageWindows({ canvas, windows }: { canvas: Tensor; windows: readonly Window[] }): void {
  const [, classes, height, width] = canvas.shape;
  const corners = windows.flatMap(({ y1, y2, x1, x2 }) => [y1, y2, x1, x2]);
  const bounds = engineOf({ canvas }).tensor(Uint32Array.from(corners), [windows.length, 4]);
  launch(windowAverage, { classes, height, width, windows: windows.length }, { bounds, canvas });
}
