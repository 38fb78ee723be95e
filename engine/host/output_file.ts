import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { DataError } from '../errors.ts';
import { systemCause } from './atomic_file.ts';
import { isKind } from './path_kind.ts';

/**
 * Checks that a file for results can be written, before the work whose results it shall hold.
 * @param flag what named it, for the hint; null where nobody chose its name.
 * @throws DataError where its folder is missing or closed, or it is a folder itself.
 */
export function checkOutputFile(file: string, flag: string | null): void {
  const folder = dirname(file);
  const hint = (remedy: string): string =>
    `${remedy}${flag === null ? '' : `, or give ${flag} another file`}.`;
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const remedy = missing ? 'Make the folder first' : 'Check path and permissions of the folder';
    throw new DataError(file, `cannot be written, ${folder}: ${systemCause(error)}`, hint(remedy));
  }
  if (!isKind(folder, 'folder')) {
    throw new DataError(file, `cannot be written: ${folder} is a file`, hint('Move that file away'));
  }
  if (!isKind(file, 'folder')) return;
  const remedy =
    flag === null ? 'Move that folder away.' : `Give ${flag} the name of a file, such as one in it.`;
  throw new DataError(file, 'is a folder, wanted a file', remedy);
}
