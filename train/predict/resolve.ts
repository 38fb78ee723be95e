import { existsSync } from 'node:fs';
import { ConfigError } from '../../engine/errors.ts';
import { presetOptions } from '../config/choose_preset.ts';
import type { DatasetName, RunConfig } from '../config/config.ts';
import { defaultClip, embeddedClip, fullPreset } from '../config/presets.ts';
import { applyOverrides, type Override, overriddenValue } from '../config/set.ts';
import {
  type GivenWeights,
  promptFacts,
  refuseOtherMode,
  unknownDataset,
  withPrompts,
} from '../given_weights.ts';

/** A prediction as it is asked for; {@link resolvePredict} makes it a configuration. */
export interface PredictRequest {
  checkpoint: string;
  /** Files and folders. */
  images: string[];
  /** Names of the classes; null: those of the run's data set. */
  names: string[] | null;
  /** Folder of the results. */
  out: string;
  /** Whether pixels may be background: at the run's threshold, or at the one given. */
  background: boolean | number;
  overrides: Override[];
}

/** Of a benchmark without background, whose runs have no threshold: ours of the other two. */
const usualThreshold = 0.5;

/** What a prediction is made of. */
export interface ResolvedPredict {
  config: RunConfig;
  /** CLIP's weights for names that the checkpoint has no embedding of; null where none are to be found. */
  clip: string | null;
  /** A pixel whose best score is not above this is background; null: every pixel is of a class. */
  background: number | null;
}

/**
 * The configuration of a prediction: that of the run; for weights without one the published setting of `--dataset`,
 * with as many prompts as the file holds.
 * @param exists whether there is a file of that name.
 * @throws ConfigError where the data set is unknown, and where it or the mode is another one than in training.
 */
export function resolvePredict(
  { checkpoint, overrides, background }: PredictRequest,
  { config: saved, tensors }: GivenWeights,
  exists: (path: string) => boolean = existsSync,
): ResolvedPredict {
  const asked = overriddenValue(overrides, 'dataset') as DatasetName | undefined;
  const facts = saved === null ? promptFacts(tensors, overrides) : null;
  const trainedOn = saved?.dataset ?? facts?.benchmark ?? asked;
  if (asked !== undefined && asked !== trainedOn) {
    const reason = saved === null ? `, as its ${facts!.count} prompt tokens tell` : '';
    throw new ConfigError(
      `--dataset ${asked}: ${checkpoint} was trained on ${trainedOn}${reason}`,
      saved === null
        ? `Pass --dataset ${trainedOn}; --classes takes any names`
        : 'Leave --dataset out; --classes takes any names',
    );
  }
  if (saved !== null) refuseOtherMode(checkpoint, overrides, saved);
  if (saved === null && asked === undefined) throw unknownDataset(checkpoint);
  const base = saved ?? withPrompts(fullPreset(asked!, presetOptions(overrides)), facts);
  const config = applyOverrides(base, overrides);
  const { embedded, clip } = config.data;
  const usual = embedded ? embeddedClip : defaultClip;
  const withoutClip = !embedded && clip === null && config.train.startFrom === null;
  // a run without CLIP has no text tower that belongs to it
  const candidates = withoutClip ? [] : [clip ?? usual, usual];
  const threshold = background === true ? (config.eval.backgroundThreshold ?? usualThreshold) : background;
  return {
    config,
    clip: candidates.find((path) => exists(path)) ?? null,
    background: threshold === false ? null : threshold,
  };
}
