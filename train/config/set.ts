import * as z from 'zod';
import { ConfigError } from '../../engine/errors.ts';
import { parseConfig, type RunConfig } from './config.ts';
import { findPlace, wrongValue } from './errors.ts';
import { listFields, valueAt } from './fields.ts';
import { settingsSchema } from './schema.ts';

/** One setting given on the command line, already checked by itself. */
export interface Override {
  /** Dotted path of a setting, such as `optim.lr`. */
  path: string;
  value: unknown;
  /** What the user typed, for messages: `--set optim.lr=1e-4`. */
  origin: string;
}

/**
 * Reads `a.b.c=value` for a setting of `schema`. The value is JSON (numbers, true, false, null, lists, quoted texts); a
 * number may also be written `.5` or `+1`; anything else is taken as text.
 * @throws ConfigError for a missing `=`, an unknown setting or a value of the wrong kind.
 */
export function parseOverride(assignment: string, schema: z.ZodObject): Override {
  const origin = `--set ${assignment}`;
  const equals = assignment.indexOf('=');
  if (equals < 1) {
    throw new ConfigError(`${origin}: wanted NAME=VALUE`, 'For instance --set seed=1');
  }
  const path = assignment.slice(0, equals).trim();
  return checkedOverride(path, parseValue(assignment.slice(equals + 1).trim()), origin, schema);
}

/**
 * An override of one setting of `schema`, checked against it.
 * @throws ConfigError for an unknown setting or a value of the wrong kind.
 */
export function checkedOverride(path: string, value: unknown, origin: string, schema: z.ZodObject): Override {
  const place = findPlace(schema, path.split('.'));
  if (place.kind === 'unknown')
    throw new ConfigError(`${origin}: ${place.problem.message}`, place.problem.hint);
  if (place.kind === 'section') {
    const keys = Object.keys(place.schema.shape);
    throw new ConfigError(
      `${origin}: ${path} is a section`,
      `Set one of ${keys.map((key) => `${path}.${key}`).join(', ')}`,
    );
  }
  if (place.inner.length > 0) {
    const field = place.path.join('.');
    throw new ConfigError(
      `${origin}: ${field} can only be set as a whole`,
      `${field}: ${place.schema.description}`,
    );
  }
  if (!place.schema.safeParse(value).success) {
    const { message, hint } = wrongValue(place.path, value, place.schema as z.ZodType);
    throw new ConfigError(`${origin}: ${message}`, hint);
  }
  return { path, value, origin };
}

/**
 * The configuration of a run with the overrides applied, the last one winning where a setting is given twice.
 * @throws ConfigError where the settings contradict each other.
 */
export function applyOverrides(config: RunConfig, overrides: Override[]): RunConfig {
  return parseConfig(withOverrides(config, overrides), 'settings do not fit');
}

/** A copy of any settings with the overrides applied, yet to be checked as a whole. */
export function withOverrides(settings: object, overrides: readonly Override[]): Record<string, unknown> {
  const result = structuredClone(settings) as Record<string, unknown>;
  for (const { path, value } of overrides) {
    const keys = path.split('.');
    const last = keys.pop()!;
    const section = keys.reduce((at, key) => at[key] as Record<string, unknown>, result);
    section[last] = value;
  }
  return result;
}

/**
 * Refuses to continue a run with other settings than it was started with.
 * @param free matches the paths of those that may differ.
 * @throws ConfigError that names the first setting of `schema` that differs.
 */
export function refuseChanges(schema: z.ZodObject, saved: object, asked: object, free: RegExp): void {
  for (const { path } of listFields(schema)) {
    const [before, now] = [saved, asked].map((of) => JSON.stringify(valueAt(of, path.split('.'))));
    if (before === now || free.test(path)) continue;
    throw new ConfigError(
      `--resume: ${path} cannot change: the run has ${before}, asked for ${now}`,
      'Leave it out, or start a new run without --resume',
    );
  }
}

/** The settings that can matter once a model is trained: loss, optimiser, schedule and pace are training's alone. */
export const settingsAfterTraining = settingsSchema
  .omit({ loss: true, optim: true, schedule: true })
  .extend({ train: settingsSchema.shape.train.pick({ mode: true }) });

/**
 * Refuses settings that would be accepted without effect.
 * @param read the settings that are read.
 * @throws ConfigError that names the first one that is not.
 */
export function refuseUnread(overrides: readonly Override[], read: z.ZodObject): void {
  const known = new Set(listFields(read).map(({ path }) => path));
  const strange = overrides.find(({ path }) => !known.has(path));
  if (strange === undefined) return;
  throw new ConfigError(
    `${strange.origin}: ${strange.path} has no effect here, only training reads it`,
    `Leave it out. What can be set: ${sectionsOf(read).join(', ')}; --help lists them`,
  );
}

/** `a`, `b.*`, and `c.d` for a section of one setting. */
function sectionsOf(schema: z.ZodObject): string[] {
  return Object.entries(schema.shape).map(([key, entry]) => {
    if (!(entry instanceof z.ZodObject)) return key;
    const keys = Object.keys(entry.shape);
    return `${key}.${keys.length === 1 ? keys[0] : '*'}`;
  });
}

/** The value that `path` is given by the last override of it; undefined where there is none. */
export function overriddenValue(overrides: Override[], path: string): unknown {
  return overrides.findLast((override) => override.path === path)?.value;
}

/** Reads a value as a user types it: JSON, a number in any spelling, otherwise text. */
export function parseValue(text: string): unknown {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
