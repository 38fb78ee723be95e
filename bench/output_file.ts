import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DataError } from '../engine/errors.ts';

/** @throws DataError where a file is wanted in a folder that is not there, before anything is measured for it. */
export function requireFolderOf(file: string | undefined): void {
  if (file && !existsSync(dirname(file))) {
    throw new DataError(file, 'its folder does not exist', 'Make the folder, or choose another file.');
  }
}
