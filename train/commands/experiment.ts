import { Command } from 'commander';
import { ConfigError } from '../../engine/errors.ts';
import { parseArguments } from '../../engine/host/command.ts';
import { checkOutputFile } from '../../engine/host/output_file.ts';
import { choosePreset } from '../config/choose_preset.ts';
import { embeddedClip } from '../config/presets.ts';
import { applyOverrides } from '../config/set.ts';
import type { ExperimentRequest } from '../experiment/series.ts';
import { addSettingFlags, common, pathArgument, readOverrides, settingsHelp } from './flags.ts';
import { realSurroundings, requireFiles, type Surroundings } from './surroundings.ts';

const flags = [
  common.clip,
  common.adapter,
  { ...common.maxIters, help: 'steps of each training' },
  { ...common.split, help: 'split to evaluate on: val (default), or tune for choosing settings' },
];

/** The flags that every series has; a command adds its own, then calls {@link readExperiment}. */
export function experimentCommand(name: string, description: string): Command {
  const command = new Command(`npm run ${name} --`).description(description).usage('[flags]');
  return addSettingFlags(command, flags)
    .option('--seeds <LIST>', 'seeds of the trainings, such as 0,1,2', '0,1,2')
    .option('--json <FILE>', 'write all figures into FILE', pathArgument)
    .addHelpText('after', settingsHelp());
}

/**
 * Reads the command line of a series (without node and script).
 * @throws ConfigError for anything wrong in it and where there is no miniature CLIP, DataError where the results could
 * not be written, HelpRequest for `--help`.
 */
export function readExperiment(
  command: Command,
  argv: string[],
  around: Surroundings = realSurroundings,
): ExperimentRequest {
  parseArguments(command, argv);
  const overrides = readOverrides(command, flags);
  requireFiles(overrides, around);
  for (const [path, instead] of fixed) {
    const origin = overrides.find((override) => override.path === path)?.origin;
    if (origin !== undefined) throw new ConfigError(`${origin}: ${path} is not free here`, instead);
  }
  const options = command.opts<{ seeds: string; json?: string }>();
  const json = options.json ?? null;
  if (json !== null) checkOutputFile(json, '--json');
  const { preset, banner } = choosePreset({ dataset: 'voc20', embedded: true }, overrides, around.exists);
  if (preset.data.clip === null) {
    throw new ConfigError(
      `there is no miniature CLIP: no ${embeddedClip}`,
      'Train one with npm run pretrain:clip, or pass --clip FILE',
    );
  }
  const seeds = readSeeds(options.seeds);
  const config = applyOverrides({ ...preset, seed: seeds[0]! }, overrides);
  return { config, seeds, json, banner };
}

/** Settings that the series itself decides, and what to do instead. */
const fixed: readonly [string, string][] = [
  ['seed', 'Use --seeds'],
  ['dataset', 'The series runs on the embedded voc20'],
  ['data.embedded', 'The series runs on the embedded voc20'],
  ['train.stopAt', 'Use --max-iters'],
];

/** @throws ConfigError unless the text lists different whole numbers. */
function readSeeds(text: string): number[] {
  const parts = text.split(',').map((part) => part.trim());
  const seeds = parts.map(Number);
  if (parts.some((part) => !/^\d{1,9}$/.test(part)) || new Set(seeds).size < seeds.length) {
    throw new ConfigError(
      `--seeds ${text}: wanted different whole numbers from 0 to 999999999, separated by commas`,
      'For instance --seeds 0,1,2',
    );
  }
  return seeds;
}
