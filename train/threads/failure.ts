import { DataError } from '../../engine/errors.ts';

/** An error in parts: a class does not survive the way between threads. */
export interface Failure {
  message: string;
  stack: string | undefined;
  /** Set where the error was a DataError. */
  data: { file: string; problem: string; hint: string } | null;
}

/** Takes an error apart; {@link restore} puts it together. */
export function takeApart(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (!(error instanceof DataError)) return { message, stack, data: null };
  const { file, problem, hint } = error;
  return { message, stack, data: { file, problem, hint } };
}

export function restore({ message, stack, data }: Failure): Error {
  if (data !== null) return new DataError(data.file, data.problem, data.hint);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
