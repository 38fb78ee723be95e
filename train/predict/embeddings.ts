import type { Engine } from '../../engine/engine.ts';
import { ConfigError } from '../../engine/errors.ts';
import { float32Tensor, type HostTensor } from '../../model/weights/tensor_file.ts';
import type { ModelFile } from '../checkpoint.ts';
import type { RunConfig } from '../config/config.ts';
import { datasetInfo } from '../data/datasets/info.ts';
import { penalties } from '../evaluation/inference.ts';
import { carriedText } from '../saved_model.ts';
import { embedNames } from '../weights.ts';
import { sameName } from './class_names.ts';
import type { ResolvedPredict } from './resolve.ts';

/** Ids of names among the classes of a run's data set; -1 for other names. */
export function classIds(names: readonly string[], { dataset }: Pick<RunConfig, 'dataset'>): number[] {
  const { classes } = datasetInfo(dataset);
  return names.map((name) => classes.findIndex((known) => sameName(known, name)));
}

/**
 * What is subtracted from the scores of each name, (C). In inductive runs `eval.seenPenalty` makes up for the higher
 * scores of the classes whose masks training saw, so it goes with a name if and only if that is one of them: names of
 * the data set are scored as evaluation scores them, any other name is like an unseen class.
 */
export function namePenalties(
  names: readonly string[],
  config: Pick<RunConfig, 'dataset' | 'train' | 'eval'>,
): Float32Array<ArrayBuffer> {
  const { seen } = datasetInfo(config.dataset);
  const ids = classIds(names, config);
  const scoredLower = ids.flatMap((id, place) =>
    config.train.mode === 'inductive' && seen.includes(id) ? [place] : [],
  );
  return penalties(names.length, scoredLower, config.eval.seenPenalty);
}

/** The names that CLIP's text tower must embed: those that a checkpoint carries no embedding of. */
export function namesForClip(
  names: readonly string[],
  weights: Pick<ModelFile, 'config'>,
  config: Pick<RunConfig, 'dataset'>,
): string[] {
  const ids = classIds(names, config);
  return names.filter((_, place) => weights.config === null || ids[place]! < 0);
}

/**
 * Embeddings (C, D) of names: those that the checkpoint carries where they are classes of its data set, CLIP's text
 * tower for all others.
 * @throws ConfigError where CLIP's weights are needed and missing or those of another CLIP, or cannot know a name.
 */
export async function predictionText(
  engine: Engine,
  weights: ModelFile,
  { config, clip }: ResolvedPredict,
  names: readonly string[],
): Promise<HostTensor> {
  const width = config.model.vision.embedDim;
  const others = namesForClip(names, weights, config);
  const ids = classIds(names, config).map((id) => (weights.config === null ? -1 : id));
  if (others.length > 0 && clip === null) {
    throw new ConfigError(
      `${weights.file} has no embedding of ${others.map((name) => `'${name}'`).join(', ')}, and CLIP's weights are not there`,
      'Pass --clip FILE, the CLIP that the model was trained on; its text tower reads any name',
    );
  }
  const carried = others.length < names.length ? carriedText(weights, config) : null;
  const computed =
    others.length > 0 ? await embedNames(engine, clip!, config, others, weights.tensors) : null;
  const rows = new Float32Array(names.length * width);
  let next = 0;
  for (const [place, id] of ids.entries()) {
    const [source, row] = id < 0 ? [computed!, next++] : [carried!, id];
    rows.set((source.data as Float32Array).subarray(row * width, (row + 1) * width), place * width);
  }
  return float32Tensor([names.length, width], rows);
}
