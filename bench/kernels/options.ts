import { Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../../engine/errors.ts';
import { parseArguments } from '../../engine/host/command.ts';
import type { StoreType, Tile } from '../../kernels/kernel.ts';

/** What `npm run bench` was asked for. Names narrow what is run; undefined: all. */
export interface BenchRequest {
  /** A kernel, or a family: `layernorm` is every `layernorm.*`. */
  kernel?: string;
  case?: string;
  variant?: string;
  /** Tile constants to run with instead of what is tuned or default. */
  tile?: Tile;
  /** How the buffers that a kernel can store in f16 are stored; f32 by default. */
  precision?: StoreType;
  /** Every fitting variant with every tile. */
  allTiles?: boolean;
  /** Like `allTiles`, and keep the fastest right one of each shape for training to use. */
  tune?: boolean;
  /** A git revision: only shaders that differ from it, beside what they were. */
  against?: string;
  /** File for the rows. */
  json?: string;
  adapter?: string;
}

/** As commander reads them: a flag whose argument may be missing is true then. */
type Flags = Omit<BenchRequest, 'against'> & { against?: string | true };

const examples = `
Examples:
  npm run bench
  npm run bench -- --kernel layernorm
  npm run bench -- --kernel layernorm.forward --case odd --variant plain --tile WG=128
  npm run bench -- --kernel attention --all-tiles --json bench/results/attention.json
  npm run bench -- --against HEAD
  npm run bench -- --tune
  npm run bench -- --peers --json
  npm run bench -- --step --preset embedded

--peers times other WebGPU libraries beside this one, --step whole training steps, --scaling how a step grows with
tokens, batch and classes; each has its own --help.
Each kernel is compared with its float64 reference first; one that is wrong gets no speed, and the exit code is 1.
Of peak: GFLOP/s as a share of multiply-adds in registers, or GB/s as a share of a plain copy of about as many
bytes, whichever is larger; both are measured at the start.
A ~ marks unsteady times: something else keeps the machine busy.
DEBUG=1 shows the adapter and what is tuned, 2 every timing, 3 the buffers of every case, 4 the WGSL that is compiled.
`;

/**
 * Reads the command line (without node and script).
 * @throws ConfigError for anything wrong in it, HelpRequest for `--help`.
 */
export function parseBench(argv: string[]): BenchRequest {
  const command = new Command('npm run bench --')
    .description("Check each kernel against its reference, then time it beside the adapter's peak.")
    .usage('[flags]')
    .option('--kernel <NAME>', 'a kernel or a family of them, such as layernorm.forward or layernorm')
    .option('--case <NAME>', 'a named size of the kernels, such as odd')
    .option('--variant <NAME>', 'one implementation, such as plain')
    .option('--tile <NAME=V,...>', 'values of tile constants, such as WG=64', parseTile)
    .addOption(
      new Option('--precision <TYPE>', 'how kernels store activations and weights: f32 or f16').choices([
        'f32',
        'f16',
      ]),
    )
    .option('--all-tiles', 'every variant that fits the adapter with every tile')
    .option('--tune', 'run --all-tiles and keep the fastest right choice of each shape for training')
    .option('--against [REV]', 'time shaders that differ from a git revision beside what they were')
    .option('--json <FILE>', 'write the rows as JSON')
    .option('--adapter <NAME>', 'GPU adapter by part of its name, such as llvmpipe')
    .addHelpText('after', examples);
  const { against, ...rest } = parseArguments(command, argv).opts<Flags>();
  const request: BenchRequest = { ...rest, ...(against && { against: against === true ? 'HEAD' : against }) };
  for (const [name, value] of Object.entries(request)) {
    if (value === '') throw new ConfigError(`--${name} is empty`, 'Give a name, or leave the flag away.');
  }
  const every = request.tune ? '--tune' : '--all-tiles';
  if ((request.tune || request.allTiles) && request.tile) {
    throw new ConfigError(
      `--tile and ${every} exclude each other`,
      '--tile runs one tile, the other one all.',
    );
  }
  if (request.tune && request.against) {
    throw new ConfigError('--against and --tune exclude each other', 'What is tuned are the shaders of now.');
  }
  if (request.tune && (request.variant || request.case)) {
    const flag = request.variant ? '--variant' : '--case';
    throw new ConfigError(`${flag} and --tune exclude each other`, 'Narrow --tune with --kernel.');
  }
  return request;
}

/** Reads `WG=64,ROWS=4`. */
function parseTile(text: string): Tile {
  const pairs = text.split(',').map((part) => {
    const [, name, digits] = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    if (!name) throw new InvalidArgumentError(`'${part}' is not NAME=WHOLE NUMBER, such as WG=64.`);
    return [name, Number(digits)] as const;
  });
  return Object.fromEntries(pairs);
}
