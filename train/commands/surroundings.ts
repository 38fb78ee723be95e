import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../engine/errors.ts';
import { pathKind } from '../../engine/host/path_kind.ts';
import { loadConfig, type RunConfig } from '../config/config.ts';
import type { Override } from '../config/set.ts';

/** What command lines are read against: the file system and the clock. Tests bring their own. */
export interface Surroundings {
  exists(path: string): boolean;
  /** Names of the entries of a folder; empty where there is none. */
  entries(folder: string): string[];
  /** When a file was last written, in ms since 1970. */
  modified(file: string): number;
  /** A run's saved configuration. */
  savedConfig(file: string): RunConfig;
  now(): Date;
}

export const realSurroundings: Surroundings = {
  exists: existsSync,
  entries: (folder) => (pathKind(folder) === 'folder' ? readdirSync(folder) : []),
  modified: (file) => statSync(file).mtimeMs,
  savedConfig: loadConfig,
  now: () => new Date(),
};

/** The settings that name a file or a folder that must be there. */
const inputPaths = ['data.root', 'data.clip', 'data.textEmbeddings', 'train.startFrom'];

/** @throws ConfigError where an input file or folder is given and missing. */
export function requireFiles(overrides: Override[], around: Surroundings): void {
  for (const { path, value, origin } of overrides) {
    if (inputPaths.includes(path) && typeof value === 'string' && !around.exists(value)) {
      throw new ConfigError(`${origin}: there is no such file or folder`, `Check the path given for ${path}`);
    }
  }
}

/**
 * The model file of a command that needs one.
 * @throws ConfigError where none was given, or it is not there.
 */
export function requireCheckpoint(checkpoint: string | undefined, around: Surroundings): string {
  if (checkpoint === undefined) {
    throw new ConfigError('--checkpoint is missing', 'Pass --checkpoint FILE, a checkpoint of npm run train');
  }
  if (!around.exists(checkpoint)) {
    throw new ConfigError(`--checkpoint ${checkpoint}: there is no such file`, 'Check the path');
  }
  return checkpoint;
}

export const runsFolder = 'runs';

/** `runs/2026-03-09-140507-voc20`: the local date and time, so that the names sort by age, and what the run does. */
export function defaultWorkDir(ending: string, now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return join(runsFolder, `${date}-${time}-${ending}`);
}
