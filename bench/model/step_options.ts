import { Command, Option } from 'commander';
import { ConfigError } from '../../engine/errors.ts';
import { parseArguments, positiveInteger } from '../../engine/host/command.ts';
import type { StoreType } from '../../kernels/kernel.ts';

/** What can be timed: Cascade-CLIP as the presets have it, and pre-training of a miniature CLIP. */
const stepPresets = ['voc20', 'context59', 'coco171', 'embedded', 'miniature'] as const;
export type StepPreset = (typeof stepPresets)[number];

/** What `npm run bench -- --step` was asked for. */
export interface StepRequest {
  preset: StepPreset;
  /** Timed steps; null: so many as take a few seconds. */
  steps: number | null;
  /** One more step is timed kernel by kernel. */
  kernels: boolean;
  /** Activations of blocks are computed again for backward. */
  checkpointing: boolean;
  /** How activations and frozen weights are stored. */
  precision: StoreType;
  /** File for the results. */
  json?: string;
  adapter?: string;
}

const notes = `
voc20, context59, coco171: CLIP ViT-B/16 at 512 x 512, one image a step. embedded: the embedded default, 8 images a step.
miniature: pre-training of a CLIP with 4 blocks of width 128 on 37 tokens, 64 images a step, everything trained.
Weights and images are random; a step is a captured one, as in training.

Examples:
  npm run bench -- --step
  npm run bench -- --step --kernels
  npm run bench -- --step --preset embedded --steps 40 --json step.json
`;

/**
 * Reads the command line (without node and script), in which `--step` is.
 * @throws ConfigError for anything wrong in it, HelpRequest for `--help`.
 */
export function parseStep(argv: string[]): StepRequest {
  const command = new Command('npm run bench -- --step')
    .description('Time whole training steps.')
    .usage('[flags]')
    .option('--step', 'this bench')
    .option('--preset <NAME>', stepPresets.join(', '), 'voc20')
    .option('--steps <N>', 'timed steps', positiveInteger)
    .option('--kernels', 'time one more step kernel by kernel: shares, GFLOP/s, GB/s')
    .option(
      '--checkpointing',
      'compute activations of blocks again for backward, as engine.checkpointing=true',
    )
    .addOption(
      new Option('--precision <TYPE>', 'how activations and frozen weights are stored')
        .choices(['f32', 'f16'])
        .default('f32'),
    )
    .option('--json <FILE>', 'write the results as JSON')
    .option('--adapter <NAME>', 'GPU adapter by part of its name, such as llvmpipe')
    .addHelpText('after', notes);
  const {
    preset,
    steps = null,
    kernels = false,
    checkpointing = false,
    precision,
    json,
    adapter,
  } = parseArguments(command, argv).opts();
  if (!stepPresets.includes(preset)) {
    throw new ConfigError(`there is no preset '${preset}'`, `There are ${stepPresets.join(', ')}.`);
  }
  if (preset === 'miniature' && (checkpointing || precision === 'f16')) {
    const [flag, why] = checkpointing
      ? ['--checkpointing', 'keeps all its activations']
      : ['--precision f16', 'stores everything in f32'];
    throw new ConfigError(
      `${flag}: the pre-training of the miniature ${why}`,
      `Leave ${flag} away, or choose another preset.`,
    );
  }
  return { preset, steps, kernels, checkpointing, precision, json, adapter };
}
