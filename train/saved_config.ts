import { ConfigError, DataError, problemWith } from '../engine/errors.ts';
import { checkpointNames } from './run_checkpoints.ts';
import type { RunFolder } from './run_folder.ts';

/** Problems that are listed one by one; a file with more of them is something else. */
const MOST_PROBLEMS = 3;

/**
 * Reads the configuration of a run that is to go on. What is wrong with the file is told with what to do about it, and
 * briefly where it holds something else altogether.
 * @param what such as `training`, for the message.
 * @param carried whether the run's checkpoints hold the configuration as well.
 */
export function readSavedConfig<Config>(
  folder: RunFolder,
  { what, carried }: { what: string; carried: boolean },
  read: (file: string) => Config,
): Config {
  const file = folder.config;
  try {
    return read(file);
  } catch (error) {
    const told = problemWith(file, error);
    if (told === null) throw error;
    const problems = told.problem.split('\n');
    const [first, ...more] = problems as [string, ...string[]];
    // about the file system, not about what the file holds
    if (first.startsWith('cannot be read')) throw error;
    const advice = carried
      ? rescueFrom(folder)
      : 'Restore it from a copy, or start anew in another --work-dir';
    if (problems.length > MOST_PROBLEMS || first.startsWith('the configuration: ')) {
      const others = more.length === 0 ? '' : `; and ${more.length} other problems`;
      throw new DataError(file, `is no configuration of a ${what} (${shortened(first)}${others})`, advice);
    }
    const hint = [told.hint, advice].filter(Boolean).join('\n');
    throw error instanceof ConfigError
      ? new ConfigError(error.message, hint)
      : new DataError(file, told.problem, hint);
  }
}

function rescueFrom(folder: RunFolder): string {
  const [newest] = checkpointNames(folder);
  if (newest === undefined) return 'Restore it from a copy, or start anew in another --work-dir';
  return (
    `Every checkpoint carries the configuration as well, under "config" in the text that it begins with: restore it ` +
    `from ${newest}, or start anew in another --work-dir, which --start-from gives the weights of a checkpoint`
  );
}

function shortened(problem: string): string {
  return problem.length > 90 ? `${problem.slice(0, 87)}...` : problem;
}
