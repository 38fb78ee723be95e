import { ShapeError } from '../../engine/errors.ts';
import { ignoredLabel } from '../data/labels.ts';

/** Pixel counts by (true class, predicted class); whole numbers, exact below 2^53. */
export interface ConfusionMatrix {
  classes: number;
  /** (classes, classes), row = truth, column = prediction. */
  counts: Float64Array;
}

export function confusionMatrix(classes: number): ConfusionMatrix {
  return { classes, counts: new Float64Array(classes * classes) };
}

/**
 * Adds the pixels of one image.
 * @param truth class ids, {@link ignoredLabel} where the pixel does not count.
 * @param prediction class ids of the same pixels.
 * @throws ShapeError for maps of different size and for ids out of range.
 */
export function addImage(
  matrix: ConfusionMatrix,
  truth: ArrayLike<number>,
  prediction: ArrayLike<number>,
): void {
  const { classes, counts } = matrix;
  if (truth.length !== prediction.length) {
    throw new ShapeError(`metrics: ${truth.length} true labels, ${prediction.length} predicted ones`);
  }
  for (let pixel = 0; pixel < truth.length; pixel++) {
    const row = truth[pixel]!;
    if (row === ignoredLabel) continue;
    const column = prediction[pixel]!;
    if (!(row >= 0 && row < classes && column >= 0 && column < classes)) {
      throw new ShapeError(
        `metrics: pixel ${pixel} has true label ${row}, prediction ${column}; wanted 0..${classes - 1}`,
      );
    }
    counts[row * classes + column]! += 1;
  }
}

/**
 * Adds counts made elsewhere, such as on the GPU.
 * @param counts (classes, classes), row = truth.
 * @throws ShapeError for another number of counts.
 */
export function addCounts(matrix: ConfusionMatrix, counts: ArrayLike<number>): void {
  if (counts.length !== matrix.counts.length) {
    throw new ShapeError(
      `metrics: ${counts.length} counts for ${matrix.classes} x ${matrix.classes} classes`,
    );
  }
  for (let index = 0; index < counts.length; index++) matrix.counts[index]! += counts[index]!;
}

/** Shares in 0..1; NaN where no class or pixel defines them. */
export interface Scores {
  /** Intersection over union of each class; NaN for a class in neither truth nor prediction. */
  iou: number[];
  /** Mean IoU of all classes, of the seen ones, of the unseen ones: classes without an IoU are left out. */
  mean: number;
  seen: number;
  unseen: number;
  /** Harmonic mean of `seen` and `unseen` (hIoU). */
  harmonic: number;
  pixelAccuracy: number;
}

/** The scores of a whole set; `novel` are the ids of the unseen classes. */
export function scores(matrix: ConfusionMatrix, novel: readonly number[]): Scores {
  const { classes, counts } = matrix;
  const truth = new Float64Array(classes);
  const predicted = new Float64Array(classes);
  for (let row = 0; row < classes; row++) {
    for (let column = 0; column < classes; column++) {
      truth[row]! += counts[row * classes + column]!;
      predicted[column]! += counts[row * classes + column]!;
    }
  }
  const correct = Array.from({ length: classes }, (_, index) => counts[index * classes + index]!);
  const iou = correct.map((hits, index) => hits / (truth[index]! + predicted[index]! - hits));
  const seen = nanMean(iou.filter((_, index) => !novel.includes(index)));
  const unseen = nanMean(novel.map((index) => iou[index]!));
  const pixels = truth.reduce((sum, count) => sum + count, 0);
  const pixelAccuracy = correct.reduce((sum, hits) => sum + hits, 0) / pixels;
  return { iou, mean: nanMean(iou), seen, unseen, harmonic: harmonicMean(seen, unseen), pixelAccuracy };
}

/** Mean of the values that are not NaN; NaN where there is none. */
export function nanMean(values: number[]): number {
  const valid = values.filter((value) => !Number.isNaN(value));
  return valid.reduce((sum, value) => sum + value, 0) / valid.length;
}

/** `2ab / (a + b)`; 0 where both are 0. */
export function harmonicMean(a: number, b: number): number {
  return a === 0 && b === 0 ? 0 : (2 * a * b) / (a + b);
}

/** Scores as `eval.json` holds them: percent with four decimals, null where undefined. */
export interface ScoreReport {
  seen: number | null;
  unseen: number | null;
  /** Harmonic mean of the two. */
  hiou: number | null;
  mean: number | null;
  pixelAccuracy: number | null;
  classes: { name: string; unseen: boolean; iou: number | null }[];
}

/** An evaluation: over the classes, and over the classes and background where the data have one. */
export interface EvalReport extends ScoreReport {
  withBackground: ScoreReport | null;
}

/**
 * What the evaluations of a run are compared by, to find its best checkpoint: hIoU; where that is undefined, since
 * the images show no unseen or no seen class, the mean IoU of all classes; 0 where they show none at all.
 */
export function selectionScore({ hiou, mean }: Pick<ScoreReport, 'hiou' | 'mean'>): number {
  return hiou ?? mean ?? 0;
}

/** Puts scores beside the names of their classes, in percent. */
export function scoreReport(result: Scores, names: readonly string[], novel: readonly number[]): ScoreReport {
  return {
    seen: percent(result.seen),
    unseen: percent(result.unseen),
    hiou: percent(result.harmonic),
    mean: percent(result.mean),
    pixelAccuracy: percent(result.pixelAccuracy),
    classes: names.map((name, index) => ({
      name,
      unseen: novel.includes(index),
      iou: percent(result.iou[index]!),
    })),
  };
}

function percent(share: number): number | null {
  return Number.isNaN(share) ? null : Math.round(share * 1e6) / 1e4;
}
