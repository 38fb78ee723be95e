import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { parseArguments } from '../../engine/command.ts';
import { ConfigError } from '../../engine/errors.ts';
import { pathArgument } from '../cli.ts';
import { findPlace, wrongValue } from '../config_errors.ts';
import { listFields, valueAt } from '../config_fields.ts';
import { parseValue } from '../config_set.ts';
import { savedSettings } from './folder.ts';
import { defaultSettings, type PretrainSettings, parseSettings, pretrainSchema } from './settings.ts';

/** A pre-training, as the command line asks for it. */
export interface PretrainRequest {
  settings: PretrainSettings;
  workDir: string;
  /** Where the finished miniature goes; its card goes beside it. */
  out: string;
  resume: boolean;
}

const scriptName = 'npm run pretrain:clip --';

const flags = [
  { flag: '--seed <N>', key: 'seed', path: 'seed', help: 'seed of everything that is random' },
  { flag: '--stage1 <STEPS>', key: 'stage1', path: 'stage1.steps', help: 'steps with one object a scene' },
  {
    flag: '--stage2 <STEPS>',
    key: 'stage2',
    path: 'stage2.steps',
    help: 'steps with one to three objects a scene',
  },
  { flag: '--batch <N>', key: 'batch', path: 'train.batch', help: 'images of a step' },
  {
    flag: '--adapter <NAME>',
    key: 'adapter',
    path: 'adapter',
    help: 'GPU adapter by part of its name, such as llvmpipe',
  },
] as const;

const examples = `
Examples:
  ${scriptName}
  ${scriptName} --work-dir runs/clip --seed 1 --stage1 2000 --stage2 500 --out mini.safetensors
  ${scriptName} --work-dir runs/clip --resume
`;

/** Settings that may change on `--resume`: all others would change the training itself. */
const freeOnResume =
  /^(adapter|data\.(workers|prefetch)|train\.(stopAt|logInterval|evalInterval|checkpointInterval|evalScenes))$/;

/**
 * Reads the command line of `npm run pretrain:clip` (without node and script).
 * @throws ConfigError for anything wrong in it, HelpRequest for `--help`.
 */
export function parsePretrain(argv: string[], now = new Date()): PretrainRequest {
  const command = parseArguments(pretrainCommand(), argv);
  const options = command.opts<Record<string, string> & { set?: string[]; resume?: true }>();
  const { resume = false } = options;
  if (resume && options.workDir === undefined) {
    throw new ConfigError('--resume: --work-dir is missing', 'Pass the folder of the pre-training');
  }
  const workDir =
    options.workDir ?? join('runs', `${now.toISOString().slice(0, 19).replace(/[T:]/g, '-')}-pretrain`);
  const out = options.out ?? join(workDir, 'mini_clip.safetensors');
  if (options.out !== undefined && !existsSync(dirname(out))) {
    throw new ConfigError(`--out ${out}: there is no folder ${dirname(out)}`, 'Make it first');
  }
  const saved = resume ? savedSettings(workDir) : null;
  const base = saved ? { ...saved, train: { ...saved.train, stopAt: null } } : defaultSettings;
  const given = [
    ...flags.flatMap(({ key, path }) => {
      const text = options[key];
      if (text === undefined) return [];
      return [{ path, value: key === 'adapter' ? text : parseValue(text), origin: `--${key} ${text}` }];
    }),
    ...(options.set ?? []).map(parseAssignment),
  ];
  const settings = parseSettings(withOverrides(base, given), 'settings do not fit');
  if (saved) refuseChanges(saved, settings);
  return { settings, workDir, out, resume };
}

/** The command that starts the same pre-training. */
export function commandOf(settings: PretrainSettings): string {
  const changed = listFields(pretrainSchema).flatMap(({ path }) => {
    const [value, usual] = [settings, defaultSettings].map((of) =>
      JSON.stringify(valueAt(of, path.split('.'))),
    );
    return value === usual || freeOnResume.test(path) ? [] : [`--set '${path}=${value}'`];
  });
  return [scriptName, ...changed].join(' ');
}

interface Override {
  path: string;
  value: unknown;
  /** What was typed, for messages. */
  origin: string;
}

function parseAssignment(assignment: string): Override {
  const origin = `--set ${assignment}`;
  const equals = assignment.indexOf('=');
  if (equals < 1) throw new ConfigError(`${origin}: wanted NAME=VALUE`, 'For instance --set stage1.lr=1e-3');
  return {
    path: assignment.slice(0, equals).trim(),
    value: parseValue(assignment.slice(equals + 1).trim()),
    origin,
  };
}

function withOverrides(settings: PretrainSettings, overrides: readonly Override[]): unknown {
  const result: Record<string, unknown> = structuredClone(settings);
  for (const { path, value, origin } of overrides) {
    const place = findPlace(pretrainSchema, path.split('.'));
    if (place.kind === 'unknown')
      throw new ConfigError(`${origin}: ${place.problem.message}`, place.problem.hint);
    if (place.kind === 'section' || place.inner.length > 0) {
      throw new ConfigError(`${origin}: ${path} is no single setting`, '--help lists all settings.');
    }
    if (!place.schema.safeParse(value).success) {
      const { message, hint } = wrongValue(place.path, value, place.schema);
      throw new ConfigError(`${origin}: ${message}`, hint);
    }
    const keys = path.split('.');
    const last = keys.pop()!;
    const section = keys.reduce((at, key) => at[key] as Record<string, unknown>, result);
    section[last] = value;
  }
  return result;
}

function refuseChanges(saved: PretrainSettings, settings: PretrainSettings): void {
  for (const { path } of listFields(pretrainSchema)) {
    const [before, now] = [saved, settings].map((of) => JSON.stringify(valueAt(of, path.split('.'))));
    if (before === now || freeOnResume.test(path)) continue;
    throw new ConfigError(
      `--resume: ${path} cannot change: the pre-training has ${before}, asked for ${now}`,
      'Leave it out, or start a new one without --resume',
    );
  }
}

function pretrainCommand(): Command {
  const command = new Command(scriptName)
    .description('Train a miniature CLIP from scratch on captioned icon scenes.')
    .usage('[flags]')
    .option('--work-dir <DIR>', 'folder of the run (default: runs/DATE-pretrain)', pathArgument)
    .option('--resume', 'continue the run in --work-dir')
    .option(
      '--out <FILE>',
      'the finished miniature (default: mini_clip.safetensors in the work dir)',
      pathArgument,
    );
  for (const { flag, help } of flags) command.option(flag, help);
  return command
    .option(
      '--set <NAME=VALUE>',
      'any setting, such as stage1.lr=1e-3; repeatable, and stronger than the other flags',
      (assignment: string, earlier: string[] = []) => [...earlier, assignment],
    )
    .addHelpText('after', examples + settingsHelp());
}

function settingsHelp(): string {
  const fields = listFields(pretrainSchema);
  const width = Math.max(...fields.map(({ path }) => path.length));
  const lines = fields.map(({ path, wanted, description }) => {
    const usual = JSON.stringify(valueAt(defaultSettings, path.split('.')));
    return `  ${path.padEnd(width)}  ${description} (${wanted}; default ${usual})`;
  });
  return `\nSettings (--set NAME=VALUE):\n${lines.join('\n')}\n`;
}
