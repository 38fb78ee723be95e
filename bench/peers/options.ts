import { Command, InvalidArgumentError } from 'commander';
import { ConfigError } from '../../engine/errors.ts';
import { parseArguments } from '../../engine/host/command.ts';
import { type Work, works } from './works.ts';

/** What `npm run bench -- --peers` was asked for. */
export interface PeersRequest {
  works: readonly Work[];
  /** Timed runs of each. */
  runs: number;
  /** File for the results; true: `bench/results/peers-ADAPTER.json`. */
  json?: string | true;
  adapter?: string;
}

/** Fewer have no median to speak of. */
const MIN_RUNS = 5;

const notes = `
Work: ${works.map(({ name }) => name).join(', ')}.

Each contender runs in a process of its own on the same adapter, in turns (A B C A B C), with its inputs and weights
uploaded before; every wait sleeps instead of spinning. Errors are relative to the largest value of a float64 result.
Peers: jax-js, TensorFlow.js and onnxruntime's WebGPU provider; onnxruntime's CPU kernels tell what native code
does on this machine. They are installed into bench/peers by its own lock file and are no part of the project.

Examples:
  npm run bench -- --peers
  npm run bench -- --peers --work matmul
  npm run bench -- --peers --json
`;

/**
 * Reads the command line (without node and script), in which `--peers` is.
 * @throws ConfigError for anything wrong in it, HelpRequest for `--help`.
 */
export function parsePeers(argv: string[]): PeersRequest {
  const command = new Command('npm run bench -- --peers')
    .description('Time what the model is made of beside other WebGPU libraries.')
    .usage('[flags]')
    .option('--peers', 'this bench')
    .option('--work <TEXT>', 'only work with this in its name, such as matmul')
    .option('--runs <N>', `timed runs of each, at least ${MIN_RUNS}`, parseRuns, MIN_RUNS)
    .option('--json [FILE]', 'write results as JSON, and a table as Markdown next to it')
    .option('--adapter <NAME>', 'GPU adapter by part of its name, such as llvmpipe')
    .addHelpText('after', notes);
  const { work = '', runs, json, adapter } = parseArguments(command, argv).opts();
  const chosen = works.filter(({ name }) => name.includes(work));
  if (chosen.length === 0) {
    const names = works.map(({ name }) => `'${name}'`).join(', ');
    throw new ConfigError(`no work has '${work}' in its name`, `There are ${names}.`);
  }
  if (typeof json === 'string' && !json.endsWith('.json')) {
    throw new ConfigError(
      `--json ${json} does not end in .json`,
      'The table goes next to it, ending in .md.',
    );
  }
  return { works: chosen, runs, json, adapter };
}

function parseRuns(text: string): number {
  const runs = Number(text);
  if (!Number.isInteger(runs) || runs < MIN_RUNS) {
    throw new InvalidArgumentError(`'${text}' is not a whole number of at least ${MIN_RUNS}.`);
  }
  return runs;
}
