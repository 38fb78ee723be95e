import type { TrainingMode } from '../config/schema.ts';
import type { DatasetInfo } from './datasets/define.ts';

/** Label of pixels that belong to no class: void borders, padding, and the background of VOC and Context. */
export const ignoredLabel = 255;

/** Label of pixels that get the best novel class of the step's own prediction (self-training). */
export const unlabelledLabel = -1;

/** A label that the release's self-training table keeps; nothing has it: its configurations pad with 255, as we do. */
const releasePadding = 200;

/** A map of labels: entry v is what label v, 0..255, becomes. */
export type LabelTable = Int32Array;

/**
 * From the values of a dataset's mask files to class ids: VOC and Context store class + 1
 * and 0 for background, COCO-Stuff the class itself. What is no class becomes {@link ignoredLabel}, or, for
 * the background with `background: 'class'`, the id after the last class.
 */
export function classTable(
  { classes, firstClassValue }: Pick<DatasetInfo, 'classes' | 'firstClassValue'>,
  background: 'ignore' | 'class' = 'ignore',
): LabelTable {
  const table = new Int32Array(256).fill(ignoredLabel);
  if (firstClassValue === 1 && background === 'class') table[0] = classes.length;
  for (const id of classes.keys()) table[id + firstClassValue] = id;
  return table;
}

/**
 * From class ids to the labels that a training run sees in the release.
 * - inductive: a seen class becomes its index among the seen ones, the rest {@link ignoredLabel};
 * - transductive: seen classes stay, the rest becomes {@link unlabelledLabel}, ignored pixels stay ignored;
 * - supervised: all stays.
 *
 * @param seen Ids of the seen classes, in the order of the text embeddings' rows.
 */
export function trainingTable(mode: TrainingMode, seen: readonly number[]): LabelTable {
  const identity = Int32Array.from({ length: 256 }, (_, label) => label);
  if (mode === 'supervised') return identity;
  if (mode === 'inductive') {
    const table = new Int32Array(256).fill(ignoredLabel);
    for (const [index, id] of seen.entries()) table[id] = index;
    return table;
  }
  const table = new Int32Array(256).fill(unlabelledLabel);
  for (const label of [...seen, releasePadding, ignoredLabel]) table[label] = label;
  return table;
}

/** Writes table[label] of every label into `target` of the same length, and returns it. */
export function mapLabels<Target extends Int32Array | Uint8Array>(
  labels: Uint8Array,
  table: LabelTable,
  target: Target,
): Target {
  for (let pixel = 0; pixel < labels.length; pixel++) target[pixel] = table[labels[pixel]!]!;
  return target;
}
