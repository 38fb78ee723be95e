import { z } from 'zod';
import type { EngineOptions } from '../../engine/create.ts';
import { readJson } from '../../engine/host/json_file.ts';
import { describeIssues, problemsError } from './errors.ts';
import { listFields, valueAt } from './fields.ts';
import { embeddedRoot } from './presets.ts';
import { checkTogether } from './rules.ts';
import { type RunConfig, settingsSchema } from './schema.ts';

export type { DatasetName, RunConfig, TrainingMode } from './schema.ts';

/** The schema of a whole run: every setting by itself, then those that must fit each other. */
export const runSchema = settingsSchema.superRefine((config, context) => {
  for (const { path, message } of checkTogether(config)) {
    context.addIssue({ code: 'custom', path: path.split('.'), message });
  }
});

/**
 * Checks a value that should be a {@link RunConfig}. `origin` is where it came from, for the message.
 * @throws ConfigError that lists every unknown, missing or wrong setting, and settings that contradict.
 */
export function parseConfig(value: unknown, origin: string): RunConfig {
  const result = runSchema.safeParse(value);
  if (result.success) return result.data;
  throw problemsError(origin, describeIssues(runSchema, value, result.error));
}

/**
 * {@link parseConfig} for what an earlier run saved: settings that did not exist then are what the program did
 * without them, and embedded scenes lie where they are drawn today.
 */
export function parseSavedConfig(value: unknown, origin: string): RunConfig {
  const result = withAddedSettings(value);
  const data = valueAt(result, ['data']);
  if (isRecord(data) && data.embedded === true && typeof data.crop === 'number') {
    data.root = embeddedRoot(data.crop);
  }
  return parseConfig(result, origin);
}

function withAddedSettings(saved: unknown): unknown {
  const result: unknown = structuredClone(saved);
  const fields = listFields(settingsSchema);
  const isNew = (section: string): boolean =>
    fields.every(({ path, before }) => !path.startsWith(`${section}.`) || before !== undefined);
  for (const { path, before } of fields) {
    if (before === undefined) continue;
    const [section, key] = [path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.') + 1)];
    if (isRecord(result) && isNew(section)) result[section] ??= {};
    const place = valueAt(result, section.split('.'));
    if (isRecord(place) && !Object.hasOwn(place, key)) place[key] = before;
  }
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a run's engine is made with. */
export function engineOptions({ adapter, engine }: RunConfig): EngineOptions {
  return { adapter: adapter ?? undefined, ...engine };
}

/** The text that `config.json` holds, of a run or of a pre-training. */
export function formatConfig(config: object): string {
  return `${JSON.stringify(config, null, 2)}\n`;
}

/**
 * Reads a `config.json`.
 * @throws DataError where the file is missing or no JSON, ConfigError where it holds no valid run.
 */
export function loadConfig(file: string): RunConfig {
  return parseSavedConfig(readJson(file, z.unknown()), file);
}
