import { type Command, InvalidArgumentError } from 'commander';
import type * as z from 'zod';
import { listFields, valueAt } from '../config/fields.ts';
import { settingsSchema } from '../config/schema.ts';
import { checkedOverride, type Override, parseOverride, parseValue } from '../config/set.ts';

/** Flags that set one setting: `value` tells whether the text is read as a value or taken as it stands. */
export interface SettingFlag {
  flag: string;
  argument: string;
  path: string;
  as: 'value' | 'text';
  help: string;
}

/** A flag whose text is read as a value, such as a number. */
export function valueFlag(flag: string, argument: string, path: string, help: string): SettingFlag {
  return { flag, argument, path, as: 'value', help };
}

/** A flag whose text is taken as it stands, such as a name or a path. */
export function textFlag(flag: string, argument: string, path: string, help: string): SettingFlag {
  return { flag, argument, path, as: 'text', help };
}

/** The flags of more than one command; one that means something else by it brings its own help. */
export const common = {
  dataset: textFlag('--dataset', 'NAME', 'dataset', 'voc20, context59 or coco171'),
  dataRoot: textFlag('--data-root', 'DIR', 'data.root', 'folder of the data set'),
  clip: textFlag('--clip', 'FILE', 'data.clip', "CLIP's weights"),
  textEmbeddings: textFlag(
    '--text-embeddings',
    'FILE',
    'data.textEmbeddings',
    'class embeddings, .npy (classes, D)',
  ),
  adapter: textFlag('--adapter', 'NAME', 'adapter', 'GPU adapter by part of its name, such as llvmpipe'),
  precision: textFlag(
    '--precision',
    'TYPE',
    'engine.precision',
    'f32 (default), or f16 to store activations and frozen weights in half the memory',
  ),
  mode: textFlag(
    '--mode',
    'MODE',
    'train.mode',
    'how weights without configuration (.pth) were trained: inductive (default), transductive or supervised',
  ),
  split: textFlag('--split', 'NAME', 'data.valSplit', 'split to evaluate on (default: that of the run)'),
  maxIters: valueFlag('--max-iters', 'N', 'schedule.maxIters', 'steps of the whole schedule'),
  seed: valueFlag('--seed', 'N', 'seed', 'seed of everything that is random'),
};

/** What train and eval begin with, in the order of `--help`. */
export const runFlags: readonly SettingFlag[] = [
  common.dataset,
  common.dataRoot,
  common.clip,
  common.textEmbeddings,
  common.adapter,
  common.precision,
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
