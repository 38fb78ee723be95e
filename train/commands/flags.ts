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

/** The flags of train and eval, in the order of `--help`. */
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

/** How weights without a configuration were trained. */
export const modeFlag: SettingFlag = {
  flag: '--mode',
  argument: 'MODE',
  path: 'train.mode',
  as: 'text',
  help: 'how weights without configuration (.pth) were trained: inductive (default), transductive or supervised',
};

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
