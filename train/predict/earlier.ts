import { lstatSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import * as z from 'zod';
import { DataError } from '../../engine/errors.ts';
import { systemCause } from '../../engine/host/atomic_file.ts';
import { readJson } from '../../engine/host/json_file.ts';
import { isKind, pathKind } from '../../engine/host/path_kind.ts';
import type { ResultFolders } from './results.ts';

/** What an earlier prediction left in the folder of the results. */
export interface EarlierResults {
  /** How many pictures it was of. */
  pictures: number;
  /** Its overlays and masks, as far as they are still there and as it wrote them. */
  files: string[];
}

const summary = z.object({ pictures: z.array(z.object({ overlay: z.string(), mask: z.string() })) });

/**
 * The files that the summary in a folder of results lists; null where there is none. The folder may have been moved or
 * be named from elsewhere, so a file counts by its name where results are written, whatever path led there.
 * @throws DataError where the summary cannot be read: what it lists would stay among the new results.
 */
export function earlierResults(folders: ResultFolders): EarlierResults | null {
  if (pathKind(folders.summary) === null) return null;
  const { pictures } = readJson(
    folders.summary,
    summary,
    'It is no summary of npm run predict; move it away, or give --out another folder.',
  );
  const listed = pictures.flatMap(({ overlay, mask }) => [
    ...placeOf(folders.overlays, overlay),
    ...placeOf(folders.masks, mask),
  ]);
  // the summary was written last: what is younger is somebody's own work by now
  const written = lstatSync(folders.summary).mtimeMs;
  const files = [...new Set(listed)].filter((path) => isFile(path) && lstatSync(path).mtimeMs <= written);
  return { pictures: pictures.length, files };
}

/** Where results of this name lie; nowhere for a path that is none of a result. */
function placeOf(folder: string, listed: string): string[] {
  const parts = listed.split(/[\\/]/);
  const name = parts.at(-1)!;
  return parts.at(-2) === basename(folder) && name.endsWith('.png') ? [join(folder, name)] : [];
}

function isFile(path: string): boolean {
  return isKind(path, 'file') && lstatSync(path).isFile();
}

/**
 * Removes the files of an earlier prediction that a new one has not written anew.
 * @throws DataError where one cannot be removed.
 */
export function removeEarlier({ files }: EarlierResults, written: readonly string[]): void {
  // capitals do not tell files apart on every system
  const key = (path: string): string => resolve(path).normalize('NFC').toLowerCase();
  const kept = new Set(written.map(key));
  for (const file of files.filter((path) => !kept.has(key(path)))) {
    try {
      rmSync(file, { force: true });
    } catch (error) {
      throw new DataError(file, `cannot be removed: ${systemCause(error)}`, 'Give --out another folder.');
    }
  }
}
