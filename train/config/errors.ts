import * as z from 'zod';
import { ConfigError } from '../../engine/errors.ts';
import { nearestName } from '../../engine/host/nearest_name.ts';
import { listFields, valueAt, wantedOf } from './fields.ts';

/** What is wrong with one setting, and what to do about it. */
export interface Problem {
  message: string;
  hint: string;
}

/** What a dotted path leads to in a schema. */
export type Place =
  | { kind: 'section'; schema: z.ZodObject }
  | { kind: 'field'; schema: z.ZodType; path: string[]; inner: string[] }
  | { kind: 'unknown'; problem: Problem };

/**
 * Follows `path` through the sections of `schema`. A path that goes on inside a field (an element of a list)
 * ends at the field, with the rest in `inner`.
 */
export function findPlace(schema: z.ZodObject, path: string[]): Place {
  let section = schema;
  for (const [depth, key] of path.entries()) {
    const entry: unknown = Object.hasOwn(section.shape, key) ? section.shape[key] : undefined;
    if (entry instanceof z.ZodObject) {
      section = entry;
    } else if (entry instanceof z.ZodType) {
      return { kind: 'field', schema: entry, path: path.slice(0, depth + 1), inner: path.slice(depth + 1) };
    } else {
      return { kind: 'unknown', problem: unknownKey(schema, section, path, depth) };
    }
  }
  return { kind: 'section', schema: section };
}

/** Puts every issue that zod found in `value` into words. */
export function describeIssues(schema: z.ZodObject, value: unknown, error: z.ZodError): Problem[] {
  const seen = new Set<string>();
  return error.issues
    .flatMap((issue) => describeIssue(schema, value, issue))
    .filter(({ message }) => !seen.has(message) && seen.add(message));
}

/** All problems in one error; `origin` is where the settings came from. */
export function problemsError(origin: string, problems: readonly Problem[]): ConfigError {
  const hints = [...new Set(problems.map(({ hint }) => hint).filter((hint) => hint !== ''))];
  return new ConfigError(
    `${origin}: ${problems.map(({ message }) => message).join('\n  ')}`,
    hints.join('\n'),
  );
}

/** `value` does not fit the field `path`. */
export function wrongValue(path: string[], value: unknown, schema: z.ZodType): Problem {
  const found = value === undefined ? 'missing' : `found ${show(value)}`;
  return {
    message: `${path.join('.')}: ${found}, wanted ${wantedOf(schema)}`,
    hint: [namesHint(value, schema), schema.description ? `${path.join('.')}: ${schema.description}` : '']
      .filter((text) => text !== '')
      .join('\n'),
  };
}

/** The names that a field takes, the nearest one first; empty for a field of any values. */
function namesHint(value: unknown, schema: z.ZodType): string {
  if (!(schema instanceof z.ZodEnum)) return '';
  const known = schema.options.map(String);
  const nearest = typeof value === 'string' && value !== '' ? nearestName(value, known) : undefined;
  return `${nearest === undefined ? '' : `Did you mean ${nearest}? `}Names: ${known.join(', ')}`;
}

/** A value as a message shows it: its JSON, cut when long, and its type where the JSON may mislead. */
function show(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  const short = json.length > 80 ? `${json.slice(0, 77)}...` : json;
  return typeof value === 'string' ? `the text ${short}` : short;
}

function describeIssue(schema: z.ZodObject, value: unknown, issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map(String);
  if (issue.code === 'custom') return [{ message: `${path.join('.')}: ${issue.message}`, hint: '' }];
  const place = findPlace(schema, path);
  if (place.kind === 'unknown') return [place.problem];
  if (place.kind === 'field') return [wrongValue(place.path, valueAt(value, place.path), place.schema)];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(schema, place.schema, [...path, key], path.length));
  }
  const found = valueAt(value, path);
  const name = path.length === 0 ? 'the configuration' : path.join('.');
  const keys = Object.keys(place.schema.shape).join(', ');
  return [
    {
      message: `${name}: ${found === undefined ? 'missing' : `found ${show(found)}`}, wanted {${keys}}`,
      hint: '',
    },
  ];
}

/** The key at `depth` of `path` is none of `section`; the whole path may be the end of another setting's. */
function unknownKey(root: z.ZodObject, section: z.ZodObject, path: string[], depth: number): Problem {
  const keys = Object.keys(section.shape);
  const above = path.slice(0, depth);
  const key = path[depth]!;
  const elsewhere = listFields(root).find((field) => field.path.endsWith(`.${path.join('.')}`))?.path;
  const nearest = elsewhere ?? [...above, nearestName(key, keys)].join('.');
  return {
    message: `${[...above, key].join('.')}: no such setting; did you mean ${nearest}?`,
    hint: `Settings ${depth === 0 ? 'at the top' : `of ${above.join('.')}`}: ${keys.join(', ')}`,
  };
}
