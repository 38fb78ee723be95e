import { Command } from 'commander';
import { ConfigError } from '../../engine/errors.ts';
import { parseArguments, positiveInteger } from '../../engine/host/command.ts';

/** Blocks of CLIP ViT-B/16. */
export const LAYERS = 12;

/** What `npm run bench -- --scaling` was asked for. */
export interface ScalingRequest {
  /** Small sizes only, to see that it works. */
  quick: boolean;
  /** Blocks of the image tower; null: by the adapter. */
  layers: number | null;
  /** File for the results; true: `bench/results/scaling-ADAPTER.json`. */
  json?: string | true;
  adapter?: string;
}

const notes = `
A training step of Cascade-CLIP on CLIP ViT-B/16, random weights and images, while one size grows: tokens (256, 1024,
2304, 4096, which are crops of 256 to 1024 pixels), images of a step (1, 2, 4), classes that the loss scores (20, 59,
171); the others stay at 1024 tokens, one image, 20 classes. Each point runs on a device of its own. The exponent p of
cost ~ size^p is the slope of a straight line through the logarithms.

On a software adapter the tower has 4 of its 12 blocks, so that the command ends within ten minutes: the shares of
decoders and loss are three times as large as in the whole model.

Examples:
  npm run bench -- --scaling
  npm run bench -- --scaling --layers 12 --json
`;

/**
 * Reads the command line (without node and script), in which `--scaling` is.
 * @throws ConfigError for anything wrong in it, HelpRequest for `--help`.
 */
export function parseScaling(argv: string[]): ScalingRequest {
  const command = new Command('npm run bench -- --scaling')
    .description('How time and memory of a training step grow with tokens, batch and classes.')
    .usage('[flags]')
    .option('--scaling', 'this bench')
    .option('--quick', 'small sizes only, to see that it works')
    .option(
      '--layers <N>',
      'blocks of the image tower (default: 12, on a software adapter 4)',
      positiveInteger,
    )
    .option('--json [FILE]', 'write results as JSON, with a table (.md) and a plot (.svg) next to it')
    .option('--adapter <NAME>', 'GPU adapter by part of its name, such as llvmpipe')
    .addHelpText('after', notes);
  const { quick = false, layers = null, json, adapter } = parseArguments(command, argv).opts();
  if (typeof json === 'string' && !json.endsWith('.json')) {
    throw new ConfigError(
      `--json ${json} does not end in .json`,
      'Table and plot go next to it, ending in .md and .svg.',
    );
  }
  if (layers > LAYERS) {
    throw new ConfigError(`--layers ${layers}: the image tower has ${LAYERS} blocks`, `Pass 1 to ${LAYERS}.`);
  }
  return { quick, layers, json, adapter };
}
