import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { DataError } from '../../engine/errors.ts';
import { systemCause } from '../../engine/host/atomic_file.ts';
import { isKind } from '../../engine/host/path_kind.ts';
import { makeFolders } from './make_folders.ts';

/**
 * Makes a folder for results, with those above it; one that is there is used.
 * @param flag what named it, for the hint.
 * @throws DataError where it is a file or cannot be made or written to.
 */
export async function makeOutputFolder(folder: string, flag: string): Promise<void> {
  const hint = `Give ${flag} another folder.`;
  if (isKind(folder, 'file')) throw new DataError(folder, 'is a file, wanted a folder', hint);
  try {
    makeFolders(folder);
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new DataError(folder, `cannot be written to: ${systemCause(error)}`, hint);
  }
}
