import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type * as z from 'zod';
import { ConfigError } from '../../engine/errors.ts';
import { loadConfig, type RunConfig } from '../config/config.ts';
import { listFields, valueAt } from '../config/fields.ts';
import type { PresetOptions } from '../config/presets.ts';
import { settingsSchema } from '../config/schema.ts';
import { checkedOverride, type Override, overriddenValue, parseOverride, parseValue } from '../config/set.ts';
import { pathKind } from '../io/path_kind.ts';
import type { DataOptions } from './cli_data.ts';

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

/** Flags that set one setting: `value` tells whether the text is read as a value or taken as it stands. */
export interface SettingFlag {
  flag: string;
  argument: string;
  path: string;
  as: 'value' | 'text';
  help: string;
}

/** The flags that both commands share, in the order of `--help`. */
export const sharedFlags: SettingFlag[] = [
  { flag: '--dataset', argument: 'NAME', path: 'dataset', as: 'text', help: 'voc20, context59 or coco171' },
  { flag: '--data-root', argument: 'DIR', path: 'data.root', as: 'text', help: 'folder of the data set' },
  { flag: '--clip', argument: 'FILE', path: 'data.clip', as: 'text', help: "CLIP's weights" },
  {
    flag: '--text-embeddings',
    argument: 'FILE',
    path: 'data.textEmbeddings',
    as: 'text',
    help: 'class embeddings, .npy (classes, D)',
  },
  {
    flag: '--adapter',
    argument: 'NAME',
    path: 'adapter',
    as: 'text',
    help: 'GPU adapter by part of its name, such as llvmpipe',
  },
  {
    flag: '--precision',
    argument: 'TYPE',
    path: 'engine.precision',
    as: 'text',
    help: 'f32 (default), or f16 to store activations and frozen weights in half the memory',
  },
];

/** Adds flags that set one setting each, and `--set` for all the others. */
export function addSettingFlags(command: Command, flags: readonly SettingFlag[]): Command {
  for (const { flag, argument, help } of flags) command.option(`${flag} <${argument}>`, help);
  return command.option(
    '--set <NAME=VALUE>',
    'any of the settings below; repeatable, and stronger than the other flags',
    (assignment: string, earlier: string[] = []) => [...earlier, assignment],
  );
}

/** The settings of `schema` given on a command line, each checked by itself, weakest first. */
export function readOverrides(
  command: Command,
  flags: readonly SettingFlag[],
  schema: z.ZodObject = settingsSchema,
): Override[] {
  const options: Record<string, unknown> = command.opts();
  const fromFlags = flags.flatMap(({ flag, path, as }) => {
    const text = options[camelCase(flag)];
    if (typeof text !== 'string') return [];
    return [checkedOverride(path, as === 'text' ? text : parseValue(text), `${flag} ${text}`, schema)];
  });
  const assignments = (options.set ?? []) as string[];
  return [...fromFlags, ...assignments.map((assignment) => parseOverride(assignment, schema))];
}

/** Reads the path given to a flag; refuses the empty one that an unset shell variable leaves. */
export function pathArgument(path: string): string {
  if (path === '') throw new InvalidArgumentError('It is empty.');
  return path;
}

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

/** What the overrides say about the data. */
export function givenData(overrides: Override[]): Omit<DataOptions, 'dataset'> {
  const given: Record<string, unknown> = {};
  for (const key of ['root', 'clip', 'embedded', 'crop']) {
    const value = overriddenValue(overrides, `data.${key}`);
    if (value !== undefined) given[key] = value;
  }
  return given;
}

/** What the overrides say about the preset they are applied to. */
export function presetOptions(overrides: Override[]): PresetOptions {
  const given = <Key extends keyof PresetOptions>(path: string): PresetOptions[Key] =>
    overriddenValue(overrides, path) as PresetOptions[Key];
  return {
    mode: given<'mode'>('train.mode'),
    maxIters: given<'maxIters'>('schedule.maxIters'),
    batch: given<'batch'>('train.batch'),
    sceneSize: given<'sceneSize'>('data.crop'),
  };
}

export const runsFolder = 'runs';

/** `runs/2026-03-09-140507-voc20`: the local date and time, so that the names sort by age, and what the run does. */
export function defaultWorkDir(ending: string, now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return join(runsFolder, `${date}-${time}-${ending}`);
}

/**
 * Every setting of `schema` with its meaning and the values it takes, for the end of `--help`.
 * @param defaults the settings without any flag, where they do not depend on one.
 */
export function settingsHelp(schema: z.ZodObject = settingsSchema, defaults?: object): string {
  const fields = listFields(schema);
  const width = Math.max(...fields.map(({ path }) => path.length));
  const lines = fields.map(({ path, wanted, description }) => {
    const usual = defaults ? `; default ${JSON.stringify(valueAt(defaults, path.split('.')))}` : '';
    return `  ${path.padEnd(width)}  ${description} (${wanted}${usual})`;
  });
  return `\nSettings (--set NAME=VALUE):\n${lines.join('\n')}\n`;
}

function camelCase(flag: string): string {
  return flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
