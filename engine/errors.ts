/**
 * Named errors. A {@link UserError} is something the person at the keyboard can fix: commands print its
 * message and hint without a stack trace and exit with 1.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
  /** What to do about it, in one or two sentences. */
  readonly hint: string;

  constructor(message: string, hint = '') {
    super(message);
    this.hint = hint;
  }
}

/** A file that is missing, unreadable or does not hold what it should. Names the file and the cause. */
export class DataError extends UserError {
  override readonly name = 'DataError';
  readonly file: string;
  /** What is wrong with it: the message without the file's name. */
  readonly problem: string;

  constructor(file: string, problem: string, hint = '') {
    super(`${file}: ${problem}`, hint);
    this.file = file;
    this.problem = problem;
  }
}

/** What an error says about a file, without its name; null where it is about something else. */
export function problemWith(file: string, error: unknown): { problem: string; hint: string } | null {
  const prefix = `${file}: `;
  if (!(error instanceof UserError && error.message.startsWith(prefix))) return null;
  return { problem: error.message.slice(prefix.length), hint: error.hint };
}

/** A setting or command-line value that is unknown, of the wrong type or out of range. */
export class ConfigError extends UserError {
  override readonly name = 'ConfigError';
}

/** No usable GPU adapter, or one that lacks what was asked for. */
export class AdapterError extends UserError {
  override readonly name = 'AdapterError';
}

/** More memory than the GPU has, or binds at a time. */
export class OutOfMemoryError extends UserError {
  override readonly name = 'OutOfMemoryError';

  constructor(message: string, hint = 'Compute with less at a time, or on an adapter with more memory.') {
    super(message, hint);
  }
}

/** The device was lost (driver crash, reset, out of memory): nothing more can run on it. */
export class DeviceLostError extends UserError {
  override readonly name = 'DeviceLostError';

  constructor(message: string, hint = 'The driver crashed, was reset or ran out of memory.') {
    super(message, hint);
  }
}

/** The training loss or a layer became NaN or infinite. */
export class NonFiniteError extends UserError {
  override readonly name = 'NonFiniteError';
}

/** Shapes or dtypes that do not fit an operation. The message begins with the operation and, if known, its place. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** WGSL that does not compile, a launch that cannot be, or an error of the device in its own words. */
export class GpuError extends Error {
  override readonly name: string = 'GpuError';
}
