import { existsSync } from 'node:fs';
import { embeddedBanner } from '../config/choose_data.ts';
import { choosePreset } from '../config/choose_preset.ts';
import type { DatasetName, RunConfig } from '../config/config.ts';
import { applyOverrides, type Override, overriddenValue } from '../config/set.ts';
import {
  type GivenWeights,
  promptFacts,
  refuseOtherMode,
  unknownDataset,
  withPrompts,
} from '../given_weights.ts';

/** An evaluation as it is asked for; {@link resolveEval} makes it a configuration. */
export interface EvalRequest {
  /** Checkpoint to evaluate. */
  checkpoint: string;
  overrides: Override[];
  /** Folder for pictures (image | truth | prediction) of every image; null: none. */
  showDir: string | null;
  /** File the metrics are written to; null: only printed. */
  json: string | null;
}

/** What an evaluation is made of. */
export interface ResolvedEval {
  config: RunConfig;
  /** Lines that the user must not miss; null where the evaluation is what it looks like. */
  banner: string | null;
  /** Whether the class embeddings are those that the checkpoint carries; else the configuration tells their source. */
  carried: boolean;
}

/**
 * The configuration of an evaluation. A checkpoint's own run decides model and data; another data set than the
 * run's brings its own data and evaluation settings, with the model of the checkpoint. Weights without a
 * configuration, such as the published ones, are taken for the published model of the data set, with as many prompts
 * as the file holds.
 * @param exists whether there is a file or folder of that name.
 * @throws ConfigError where the data set is unknown, its data are missing or the mode is another one than the run's.
 */
export function resolveEval(
  request: EvalRequest,
  weights: GivenWeights,
  exists: (path: string) => boolean = existsSync,
): ResolvedEval {
  const { overrides, checkpoint } = request;
  const { config: saved } = weights;
  const asked = overriddenValue(overrides, 'dataset') as DatasetName | undefined;
  if (saved !== null) refuseOtherMode(checkpoint, overrides, saved);
  if (saved !== null && (asked === undefined || asked === saved.dataset)) {
    return onOwnData(request, saved);
  }
  if (asked === undefined) throw unknownDataset(checkpoint);
  const hasText = overriddenValue(overrides, 'data.textEmbeddings') !== undefined;
  // the miniature is nothing that bare weights could belong to
  const embeddedAllowed = saved === null ? { embedded: false } : {};
  const usual = { dataset: asked, clip: hasText ? null : undefined, ...embeddedAllowed };
  const { preset } = choosePreset(usual, overrides, exists);
  const facts = saved === null ? promptFacts(weights.tensors, overrides) : null;
  const trainedOn = saved?.dataset ?? facts?.benchmark ?? asked;
  const base = withPrompts(
    {
      ...preset,
      model: saved?.model ?? preset.model,
      train: { ...preset.train, mode: saved?.train.mode ?? preset.train.mode },
      eval: trainedOn === asked ? preset.eval : withoutPenalty(preset.eval),
    },
    facts,
  );
  const notes = [
    ...(preset.data.embedded ? [embeddedBanner('its data are used', checkpoint)] : []),
    ...(trainedOn === asked ? [] : [`ACROSS DATA SETS: trained on ${trainedOn}, evaluated on ${asked}`]),
  ];
  const banner = notes.length === 0 ? null : notes.join('\n');
  return { config: applyOverrides(base, overrides), banner, carried: false };
}

function onOwnData({ checkpoint, overrides }: EvalRequest, saved: RunConfig): ResolvedEval {
  const config = applyOverrides(withoutDrawing(saved, overrides), overrides);
  const banner = config.data.embedded ? embeddedBanner('as the run', checkpoint) : null;
  const sources = ['data.clip', 'data.textEmbeddings'];
  const carried = sources.every((path) => (overriddenValue(overrides, path) ?? null) === null);
  // what the run read them from may be gone; what is given now is all that counts
  const textEmbeddings = overriddenValue(overrides, 'data.textEmbeddings')
    ? config.data.textEmbeddings
    : null;
  return { config: { ...config, data: { ...config.data, textEmbeddings } }, banner, carried };
}

/** The penalty evens out what training on the seen masks of this very data set does; elsewhere there is none. */
function withoutPenalty(settings: RunConfig['eval']): RunConfig['eval'] {
  return { ...settings, seenPenalty: 0 };
}

/** A run's configuration; where its data are said to lie elsewhere they are read as they are, and never drawn. */
export function withoutDrawing(saved: RunConfig, overrides: Override[]): RunConfig {
  const root = overriddenValue(overrides, 'data.root');
  if (root === undefined || root === saved.data.root) return saved;
  return { ...saved, data: { ...saved.data, embedded: false } };
}
