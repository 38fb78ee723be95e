import { readFileSync } from 'node:fs';
import { systemCause } from '../engine/atomic_file.ts';
import type { EngineOptions } from '../engine/engine.ts';
import { ConfigError, DataError } from '../engine/errors.ts';
import { describeIssues } from './config_errors.ts';
import { checkTogether } from './config_rules.ts';
import { type RunConfig, settingsSchema } from './config_schema.ts';

export type { DatasetName, RunConfig, TrainingMode } from './config_schema.ts';

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
  const problems = describeIssues(runSchema, value, result.error);
  const hints = [...new Set(problems.map(({ hint }) => hint).filter((hint) => hint !== ''))];
  throw new ConfigError(
    `${origin}: ${problems.map(({ message }) => message).join('\n  ')}`,
    hints.join('\n'),
  );
}

/** What a run's engine is made with. */
export function engineOptions({ adapter, engine }: RunConfig): EngineOptions {
  return { adapter: adapter ?? undefined, precision: engine.precision };
}

/** The text that `config.json` holds. */
export function formatConfig(config: RunConfig): string {
  return `${JSON.stringify(config, null, 2)}\n`;
}

/**
 * Reads a `config.json`.
 * @throws DataError where the file is missing or no JSON, ConfigError where it holds no valid run.
 */
export function loadConfig(file: string): RunConfig {
  return parseConfig(readJson(file), file);
}

function readJson(file: string): unknown {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new DataError(file, `cannot be read: ${systemCause(error)}`);
  }
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new DataError(file, `is not JSON: ${(error as Error).message}`);
  }
}
