import { join } from 'node:path';
import { Command } from 'commander';
import { ConfigError, UserError } from '../../engine/errors.ts';
import { parseArguments, positiveInteger } from '../../engine/host/command.ts';
import { embeddedBanner } from '../config/choose_data.ts';
import { choosePreset } from '../config/choose_preset.ts';
import type { DatasetName } from '../config/config.ts';
import { settingsSchema } from '../config/schema.ts';
import {
  applyOverrides,
  type Override,
  overriddenValue,
  refuseChanges,
  withOverrides,
} from '../config/set.ts';
import type { TrainRequest } from '../run.ts';
import { runFolder } from '../run_folder.ts';
import { readSavedConfig } from '../saved_config.ts';
import {
  addSettingFlags,
  common,
  pathArgument,
  readOverrides,
  runFlags,
  settingsHelp,
  textFlag,
  valueFlag,
} from './flags.ts';
import {
  defaultWorkDir,
  realSurroundings,
  requireFiles,
  runsFolder,
  type Surroundings,
} from './surroundings.ts';

/** Steps that `--profile` without a number looks at. */
const profiledSteps = 20;

const flags = [
  ...runFlags,
  { ...common.mode, help: 'inductive (default), transductive or supervised' },
  textFlag('--start-from', 'FILE', 'train.startFrom', 'checkpoint whose weights training starts from'),
  common.maxIters,
  valueFlag('--stop-at', 'N', 'train.stopAt', 'stop cleanly after step N of the schedule'),
  common.seed,
];

const examples = `
Examples:
  npm run train -- --dataset voc20
  npm run train -- --dataset voc20 --data-root /data/VOC2012 --clip ViT-B-16.pt --work-dir runs/first
  npm run train -- --dataset voc20 --max-iters 100 --set optim.lr=1e-4 --set 'optim.betas=[0.9,0.98]'
  npm run train -- --resume --work-dir runs/first
  npm run train -- --dataset voc20 --profile
`;

/**
 * Settings that may differ from the saved run on `--resume`: where files and the GPU are, how often something is done
 * besides training, and what changes neither a bit of it nor the scores by which its checkpoints are compared. With
 * others it would be another run; or they would do nothing, as the class embeddings, which are the checkpoint's.
 */
const freeOnResume =
  /^(adapter|engine\.checkpointing|data\.(root|clip|workers|prefetch)|train\.(startFrom|stopAt|logInterval|evalInterval|checkpointInterval)|eval\.(overlays|backgroundThreshold))$/;

/**
 * Reads the command line of `npm run train` (without node and script).
 * @throws ConfigError for anything wrong in it, HelpRequest for `--help`.
 */
export function parseTrain(argv: string[], around: Surroundings = realSurroundings): TrainRequest {
  const command = parseArguments(trainCommand(), argv);
  const overrides = readOverrides(command, flags);
  requireFiles(overrides, around);
  const options = command.opts<{ workDir?: string; resume?: true; profile?: number | true }>();
  const { workDir, resume } = options;
  const profile = options.profile === true ? profiledSteps : (options.profile ?? null);
  const dataset = overriddenValue(overrides, 'dataset') as DatasetName | undefined;
  if (resume) {
    return { ...resumed(workDir ?? latestRun(dataset, around), overrides, around), profile };
  }
  if (dataset === undefined) {
    throw new ConfigError('--dataset is missing', 'Pass --dataset voc20, context59 or coco171');
  }
  const { config, banner } = freshConfig(dataset, overrides, around);
  return {
    config,
    banner,
    workDir: workDir ?? defaultWorkDir(dataset, around.now()),
    resume: false,
    profile,
  };
}

/** The preset that the options lead to, with the overrides applied. */
function freshConfig(dataset: DatasetName, overrides: Override[], around: Surroundings) {
  const { preset, banner } = choosePreset({ dataset }, overrides, around.exists);
  const config = applyOverrides(preset, overrides);
  const { warmupIters, maxIters } = config.schedule;
  // not among the rules of a configuration: earlier runs may have been saved with it
  if (warmupIters > maxIters) {
    throw new ConfigError(
      `schedule.warmupIters: ${warmupIters} is more than schedule.maxIters ${maxIters}: the run would end before its warm-up`,
      'Leave schedule.warmupIters out for the share of the schedule that is usual, or lower it',
    );
  }
  return { config, banner };
}

function resumed(
  workDir: string,
  overrides: Override[],
  around: Surroundings,
): Omit<TrainRequest, 'profile'> {
  const folder = runFolder(workDir);
  if (!around.exists(folder.config)) {
    throw new ConfigError(
      `--resume: ${workDir} holds no run (no config.json)`,
      'Pass --work-dir with the folder of the run, or leave --resume out to start one',
    );
  }
  const saved = readSavedConfig(folder, { what: 'training', carried: true }, around.savedConfig);
  const base = { ...saved, train: { ...saved.train, stopAt: null } };
  refuseChanges(settingsSchema, saved, withOverrides(base, overrides), freeOnResume);
  const config = applyOverrides(base, overrides);
  const banner = config.data.embedded ? embeddedBanner('as the saved run', config.data.clip) : null;
  return { config, workDir, resume: true, banner };
}

/** The run of the data set (of any, where none is named) that was started or continued last. */
function latestRun(dataset: DatasetName | undefined, around: Surroundings): string {
  const fileOf = (folder: string): string => join(folder, 'config.json');
  const newest = around
    .entries(runsFolder)
    .map((name) => join(runsFolder, name))
    .filter((folder) => around.exists(fileOf(folder)))
    .sort((a, b) => around.modified(fileOf(b)) - around.modified(fileOf(a)))
    .find((folder) => {
      const found = datasetOf(fileOf(folder), around);
      return found !== null && (dataset === undefined || dataset === found);
    });
  if (newest !== undefined) return newest;
  throw new ConfigError(
    `--resume: there is no run${dataset === undefined ? '' : ` of ${dataset}`} in ${runsFolder}/`,
    'Pass --work-dir with the folder of the run, or leave --resume out to start one',
  );
}

/** The data set of a run's `config.json`; null for that of a pre-training and for one that cannot be read. */
function datasetOf(file: string, around: Surroundings): DatasetName | null {
  try {
    return around.savedConfig(file).dataset;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

function trainCommand(): Command {
  const command = new Command('npm run train --')
    .description('Train Cascade-CLIP and evaluate it.')
    .usage('[flags]');
  return addSettingFlags(command, flags)
    .option('--work-dir <DIR>', 'folder of the run (default: runs/DATE-DATASET)', pathArgument)
    .option(
      '--resume',
      `continue the run in --work-dir; without --work-dir, the run in ${runsFolder}/ that was started or continued last`,
    )
    .option(
      '--profile [STEPS]',
      `time every kernel of ${profiledSteps} steps (or STEPS) after the first ones, and go on; writes profile.txt, .json and a trace`,
      positiveInteger,
    )
    .addHelpText('after', examples + settingsHelp());
}
