import { join } from 'node:path';
import { Command } from 'commander';
import { ConfigError } from '../../engine/errors.ts';
import { parseArguments } from '../../engine/host/command.ts';
import { checkOutputFile } from '../../engine/host/output_file.ts';
import { refuseChanges, withOverrides } from '../config/set.ts';
import { savedSettings } from '../pretrain/folder.ts';
import { freeOnResume, scriptName } from '../pretrain/recipe.ts';
import type { PretrainRequest } from '../pretrain/run.ts';
import { defaultSettings, parseSettings, pretrainSchema } from '../pretrain/settings.ts';
import { addSettingFlags, common, pathArgument, readOverrides, settingsHelp, valueFlag } from './flags.ts';
import { defaultWorkDir } from './surroundings.ts';

const flags = [
  common.seed,
  valueFlag('--stage1', 'STEPS', 'stage1.steps', 'steps with one object a scene'),
  valueFlag('--stage2', 'STEPS', 'stage2.steps', 'steps with one to three objects a scene'),
  valueFlag('--batch', 'N', 'train.batch', 'images of a step'),
  common.adapter,
];

const examples = `
Examples:
  ${scriptName}
  ${scriptName} --work-dir runs/clip --seed 1 --stage1 2000 --stage2 500 --out mini.safetensors
  ${scriptName} --work-dir runs/clip --resume
`;

/**
 * Reads the command line of `npm run pretrain:clip` (without node and script).
 * @throws ConfigError for anything wrong in it, DataError where `--out` could not be written, HelpRequest for `--help`.
 */
export function parsePretrain(argv: string[], now = new Date()): PretrainRequest {
  const command = parseArguments(pretrainCommand(), argv);
  const options = command.opts<{ workDir?: string; out?: string; resume?: true }>();
  const { resume = false } = options;
  if (resume && options.workDir === undefined) {
    throw new ConfigError('--resume: --work-dir is missing', 'Pass the folder of the pre-training');
  }
  const workDir = options.workDir ?? defaultWorkDir('pretrain', now);
  const out = options.out ?? join(workDir, 'mini_clip.safetensors');
  if (options.out !== undefined) checkOutputFile(out, '--out');
  const saved = resume ? savedSettings(workDir) : null;
  const base = saved ? { ...saved, train: { ...saved.train, stopAt: null } } : defaultSettings;
  const overrides = readOverrides(command, flags, pretrainSchema);
  const settings = parseSettings(withOverrides(base, overrides), 'settings do not fit');
  if (saved) refuseChanges(pretrainSchema, saved, settings, freeOnResume);
  return { settings, workDir, out, resume };
}

function pretrainCommand(): Command {
  const command = new Command(scriptName)
    .description('Train a miniature CLIP from scratch on captioned icon scenes.')
    .usage('[flags]')
    .option('--work-dir <DIR>', 'folder of the run (default: runs/DATE-pretrain)', pathArgument)
    .option('--resume', 'continue the run in --work-dir')
    .option(
      '--out <FILE>',
      'the finished miniature (default: mini_clip.safetensors in the work dir)',
      pathArgument,
    );
  return addSettingFlags(command, flags).addHelpText(
    'after',
    examples + settingsHelp(pretrainSchema, defaultSettings),
  );
}
