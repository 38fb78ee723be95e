import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { ConfigError, UserError } from '../errors.ts';

/** `--help` was asked for; `text` is what to print. */
export class HelpRequest extends Error {
  readonly text: string;

  constructor(text: string) {
    super('help was asked for');
    this.text = text;
  }
}

/**
 * Reads `argv` (without node and script).
 * @throws ConfigError for unknown or incomplete flags, HelpRequest for `--help`.
 */
export function parseArguments(command: Command, argv: string[]): Command {
  let help = '';
  command.exitOverride().allowExcessArguments(false);
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
    writeErr: () => {},
  });
  refuseFlagsAsValues(command, argv);
  try {
    return command.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') throw new HelpRequest(help);
    if (error.code === 'commander.excessArguments') throw strayWords(command);
    const [message, ...rest] = error.message.replace(/^error: /, '').split('\n');
    throw new ConfigError(message!, [...rest, '--help lists all flags.'].join(' '));
  }
}

/** Words without a flag: of `npm run train --dataset voc20` npm itself takes the flag and hands the word on. */
function strayWords(command: Command): ConfigError {
  const words = command.args.slice(command.registeredArguments.length).map((word) => `'${word}'`);
  return new ConfigError(
    `${words.join(', ')} belongs to no flag`,
    `npm hands on what follows its own --, as in \`${command.name()} --help\`, which lists all flags. A setting is one word, NAME=VALUE.`,
  );
}

/**
 * Commander takes whatever follows a flag for its value, so a value that was forgotten is the next flag.
 * @throws ConfigError that names the flag without a value.
 */
function refuseFlagsAsValues(command: Command, argv: readonly string[]): void {
  const isFlag = (text: string): boolean =>
    ['-h', '--help', ...command.options.map(({ long }) => long)].includes(text);
  for (const [index, text] of argv.entries()) {
    const option = command.options.find(({ long }) => long === text);
    const value = argv[index + 1];
    if (!option?.required || value === undefined || !isFlag(value)) continue;
    throw new ConfigError(
      `${text}: its value is missing, the flag ${value} follows`,
      `Wanted ${option.flags}: ${option.description}`,
    );
  }
}

/** Reads the argument of a flag: a whole number of at least one. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError(`'${text}' is no whole number >= 1.`);
  return value;
}

/** The parts of the process that a command ends with; tests bring their own. */
export interface Ending {
  argv: string[];
  write(text: string): void;
  writeError(text: string): void;
  exit(code: number): void;
}

const processEnding: Ending = {
  argv: process.argv.slice(2),
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  exit: (code) => process.stdout.write('', () => process.stderr.write('', () => process.exit(code))),
};

/** Exit code of a fault of the program itself: EX_SOFTWARE of sysexits.h. */
const faultExitCode = 70;

/**
 * Runs a command and ends the process with the right code: what `main` returns, 1 after message and
 * hint of a {@link UserError}, or 70 after the stack of anything unexpected. The process ends even where a
 * driver's thread would keep it alive.
 */
export async function runCommand(
  main: (argv: string[]) => Promise<number | undefined>,
  ending: Ending = processEnding,
): Promise<void> {
  ending.exit(await settle(main, ending));
}

async function settle(
  main: (argv: string[]) => Promise<number | undefined>,
  ending: Ending,
): Promise<number> {
  try {
    return (await main(ending.argv)) ?? 0;
  } catch (error) {
    if (error instanceof HelpRequest) {
      ending.write(error.text);
      return 0;
    }
    if (error instanceof UserError) {
      const hint = error.hint === '' ? '' : `  ${error.hint.replaceAll('\n', '\n  ')}\n`;
      ending.writeError(`error: ${error.message}\n${hint}`);
      return 1;
    }
    ending.writeError(`unexpected error, please report it:\n${faultText(error)}\n`);
    return faultExitCode;
  }
}

function faultText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${faultText(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
