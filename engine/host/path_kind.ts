import { statSync } from 'node:fs';
import { DataError } from '../errors.ts';
import { systemCause } from './atomic_file.ts';

/** What a path leads to, links followed. */
export type PathKind = 'file' | 'folder';

/**
 * What a path leads to; null where nothing is there, also below a file.
 * @throws DataError where the system does not let us look.
 */
export function pathKind(path: string): PathKind | null {
  try {
    return kindOf(path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new DataError(path, `cannot be read: ${systemCause(error)}`, 'Check its permissions.');
  }
}

/** Whether a path visibly leads to a file or folder; what we may not look at counts as absent. */
export function isKind(path: string, kind: PathKind): boolean {
  try {
    return kindOf(path) === kind;
  } catch {
    return false;
  }
}

function kindOf(path: string): PathKind {
  return statSync(path).isDirectory() ? 'folder' : 'file';
}
