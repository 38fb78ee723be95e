import { ConfigError } from '../engine/errors.ts';
import type { StateDict } from '../model/weights/tensor_file.ts';
import type { ModelFile } from './checkpoint.ts';
import type { DatasetName, RunConfig } from './config/config.ts';
import { datasetNames } from './config/schema.ts';
import { type Override, overriddenValue } from './config/set.ts';
import { datasetInfo } from './data/datasets/info.ts';

/** What a checkpoint or a file of bare weights tells an evaluation or a prediction. */
export type GivenWeights = Pick<ModelFile, 'config' | 'tensors'>;

/** Of weights without a configuration, for which no `--dataset` was given. */
export function unknownDataset(checkpoint: string): ConfigError {
  return new ConfigError(
    `${checkpoint} does not tell its data set`,
    'It holds weights alone: pass --dataset voc20, context59 or coco171, the benchmark that it was trained for',
  );
}

/** @throws ConfigError where another mode is given than the one that a run was trained in. */
export function refuseOtherMode(checkpoint: string, overrides: readonly Override[], saved: RunConfig): void {
  const { mode } = saved.train;
  const given = overrides.findLast(({ path }) => path === 'train.mode');
  if (given === undefined || given.value === mode) return;
  throw new ConfigError(
    `${given.origin}: ${checkpoint} was trained in mode ${mode}, as the configuration in it tells`,
    `Leave ${given.origin} out; the mode is asked for with weights that carry no configuration`,
  );
}

/** What the prompts in a file of bare weights tell. */
export interface PromptFacts {
  /** Prompt tokens of a block. */
  count: number;
  /** The benchmark whose published model has as many; null where none has. */
  benchmark: DatasetName | null;
}

/** The facts, unless `model.prompts.count` is set, which is believed; null also where the file has no prompts. */
export function promptFacts(tensors: StateDict, overrides: Override[]): PromptFacts | null {
  const count = tensors.get('backbone.prompt_embeddings')?.shape[1];
  if (count === undefined || overriddenValue(overrides, 'model.prompts.count') !== undefined) return null;
  const benchmark = datasetNames.find((name) => datasetInfo(name).promptTokens === count) ?? null;
  return { count, benchmark };
}

/** A configuration with the prompts of the weights that it is for. */
export function withPrompts(config: RunConfig, facts: PromptFacts | null): RunConfig {
  const { model } = config;
  return {
    ...config,
    model: { ...model, prompts: { ...model.prompts, ...(facts && { count: facts.count }) } },
  };
}
