import * as assert from 'uvu/assert';

type ErrorClass<Kind> = abstract new (...values: never[]) => Kind;

/** The error that `action` throws; fails where it throws none, or one of another class. */
export function errorOf<Kind extends Error>(kind: ErrorClass<Kind>, action: () => unknown): Kind {
  try {
    action();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  return assert.unreachable(`should have thrown ${kind.name}`) as never;
}

/** The error that a promise is rejected with; fails where it is not, or with one of another class. */
export async function rejectionOf<Kind extends Error>(
  kind: ErrorClass<Kind>,
  action: () => Promise<unknown>,
): Promise<Kind> {
  try {
    await action();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  return assert.unreachable(`should have been rejected with ${kind.name}`) as never;
}
