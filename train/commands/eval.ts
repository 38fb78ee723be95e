import { Command } from 'commander';
import { parseArguments } from '../../engine/host/command.ts';
import { refuseUnread, settingsAfterTraining } from '../config/set.ts';
import type { EvalRequest } from '../evaluation/resolve.ts';
import { addSettingFlags, common, pathArgument, readOverrides, runFlags, settingsHelp } from './flags.ts';
import { realSurroundings, requireCheckpoint, requireFiles, type Surroundings } from './surroundings.ts';

const flags = [...runFlags, common.split, common.mode];

const examples = `
Examples:
  npm run eval -- --checkpoint runs/first/checkpoints/step-020000.safetensors --dataset voc20
  npm run eval -- --checkpoint best.safetensors --dataset voc20 --split train --show-dir pictures
`;

/**
 * Reads the command line of `npm run eval` (without node and script).
 * @throws ConfigError for anything wrong in it, HelpRequest for `--help`.
 */
export function parseEval(argv: string[], around: Surroundings = realSurroundings): EvalRequest {
  const command = parseArguments(evalCommand(), argv);
  const overrides = readOverrides(command, flags);
  refuseUnread(overrides, settingsAfterTraining);
  const { showDir, json, ...options } = command.opts<Record<string, string | undefined>>();
  const checkpoint = requireCheckpoint(options.checkpoint, around);
  requireFiles(overrides, around);
  return { checkpoint, overrides, showDir: showDir ?? null, json: json ?? null };
}

function evalCommand(): Command {
  const command = new Command('npm run eval --')
    .description(
      'Evaluate a checkpoint with sliding windows: IoU per class, seen, unseen and their harmonic mean.',
    )
    .usage('--checkpoint FILE [flags]')
    .option('--checkpoint <FILE>', 'checkpoint to evaluate, or published weights (.pth)', pathArgument);
  return addSettingFlags(command, flags)
    .option(
      '--show-dir <DIR>',
      'write a picture (image | truth | prediction) of every image into DIR',
      pathArgument,
    )
    .option('--json <FILE>', 'write the metrics into FILE', pathArgument)
    .addHelpText('after', examples + settingsHelp(settingsAfterTraining));
}
