import { join } from 'node:path';

/** A file or folder of the project, by its path from the root. */
export function projectPath(...parts: string[]): string {
  return join(import.meta.dirname, '..', '..', ...parts);
}

/** A fixture of `test/golden`. */
export function goldenPath(...parts: string[]): string {
  return projectPath('test', 'golden', ...parts);
}
