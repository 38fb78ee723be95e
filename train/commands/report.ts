import { Command } from 'commander';
import { ConfigError } from '../../engine/errors.ts';
import { parseArguments } from '../../engine/host/command.ts';
import { pathKind } from '../../engine/host/path_kind.ts';
import { refuseUnread, settingsAfterTraining } from '../config/set.ts';
import type { ReportRequest } from '../report/report_run.ts';
import { type LatestCheckpoint, latestCheckpoint } from '../run_checkpoints.ts';
import { type RunFolder, runFolder } from '../run_folder.ts';
import { addSettingFlags, common, pathArgument, readOverrides, settingsHelp } from './flags.ts';
import { realSurroundings, requireFiles } from './surroundings.ts';

/** What can be other on this machine than where the run was made. */
const flags = [common.dataRoot, common.adapter, common.precision];

/**
 * Reads the command line of `npm run report` (without node and script) and looks for the run's latest checkpoint.
 * @throws ConfigError for anything wrong in it and for a folder that holds no checkpoint, HelpRequest for `--help`.
 */
export function parseReport(argv: string[]): ReportRequest {
  const command = parseArguments(reportCommand(), argv);
  const { workDir } = command.opts<{ workDir?: string }>();
  if (workDir === undefined) {
    throw new ConfigError('--work-dir is missing', 'Pass --work-dir DIR, the folder of a run');
  }
  const overrides = readOverrides(command, flags);
  refuseUnread(overrides, settingsAfterTraining);
  requireFiles(overrides, realSurroundings);
  const folder = runFolder(workDir);
  return { folder, checkpoint: checkpointIn(folder), overrides };
}

function checkpointIn(folder: RunFolder): LatestCheckpoint {
  const { root, config } = folder;
  const refuse = (problem: string, hint: string) => new ConfigError(`--work-dir ${root}: ${problem}`, hint);
  const kind = pathKind(root);
  if (kind === null) throw refuse('there is no such folder', 'Check the path');
  if (kind === 'file') throw refuse('is a file, wanted the folder of a run', 'Leave the file name out');
  const latest = latestCheckpoint(folder);
  if (latest !== null) return latest;
  throw pathKind(config)
    ? refuse('holds a run without a checkpoint', 'Continue it with npm run train -- --resume --work-dir DIR')
    : refuse(
        'holds no run (no config.json)',
        'Check the path; a run folder has config.json and checkpoints/',
      );
}

function reportCommand(): Command {
  const command = new Command('npm run report --')
    .description(
      'Evaluate the latest checkpoint of a run and write eval.json and report.html into its folder.',
    )
    .usage('--work-dir DIR [flags]')
    .option('--work-dir <DIR>', 'folder of the run', pathArgument);
  return addSettingFlags(command, flags).addHelpText('after', settingsHelp(settingsAfterTraining));
}
