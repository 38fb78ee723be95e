import { statSync } from 'node:fs';
import { systemCause } from '../engine/atomic_file.ts';
import { DataError } from '../engine/errors.ts';

/**
 * What a path leads to; null where nothing is there, also below a file.
 * @throws DataError where the system does not let us look.
 */
export function pathKind(path: string): 'file' | 'folder' | null {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new DataError(path, `cannot be read: ${systemCause(error)}`, 'Check its permissions.');
  }
}
