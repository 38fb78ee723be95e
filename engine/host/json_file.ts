import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { DataError } from '../errors.ts';
import { systemCause, writeFileAtomic } from './atomic_file.ts';

/**
 * Reads a JSON file.
 * @param schema what it must hold.
 * @param hint what to do about a file that does not hold it.
 * @throws DataError that names the file and what is wrong with it: missing, no JSON, or every place that does not fit.
 */
export function readJson<T>(file: string, schema: z.ZodType<T>, hint = ''): T {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new DataError(file, `cannot be read: ${systemCause(error)}`, hint);
  }
  return parseJson(file, text, schema, hint);
}

/** Writes a value as indented JSON in one atomic step. */
export function writeJson(file: string, value: unknown): Promise<void> {
  return writeFileAtomic(file, `${JSON.stringify(value, null, 1)}\n`);
}

/** {@link readJson} of what was read from the file already. */
export function parseJson<T>(file: string, text: string, schema: z.ZodType<T>, hint = ''): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DataError(file, `is not JSON: ${(error as Error).message}`, hint);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new DataError(file, `does not fit:\n${z.prettifyError(result.error)}`, hint);
}
