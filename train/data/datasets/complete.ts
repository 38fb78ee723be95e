import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { DataError } from '../../../engine/errors.ts';
import { systemCause } from '../../../engine/host/atomic_file.ts';
import type { DatasetItem, Layout } from './layouts.ts';

/** Missing files that an error names before it only counts. */
const NAMED = 3;

/**
 * Makes sure that the files of all items are there, by one listing of each folder: a file that is missed in the middle
 * of a run costs more than the listing.
 * @throws DataError that counts the missing files of a folder and names the first.
 */
export async function requireComplete(items: readonly DatasetItem[], layout: Layout): Promise<void> {
  const images = items.map(({ image }) => image);
  await requireFiles(images, 'images', () => 'Complete the data set, or take their names out of the split.');
  const masks = items.map(({ mask }) => mask);
  await requireFiles(masks, 'masks', layout.missingMask);
}

async function requireFiles(files: readonly string[], kind: string, hint: Layout['missingMask']) {
  for (const folder of new Set(files.map(dirname))) {
    const there = await listing(folder);
    const wanted = files.filter((file) => dirname(file) === folder).map((file) => basename(file));
    const missing = wanted.filter((name) => !there.has(name));
    if (missing.length === 0) continue;
    const named = missing.slice(0, NAMED).join(', ') + (missing.length > NAMED ? ', ...' : '');
    throw new DataError(
      folder,
      `${missing.length} of ${wanted.length} ${kind} are missing: ${named}`,
      hint(missing[0]!, there),
    );
  }
}

async function listing(folder: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(folder));
  } catch (error) {
    throw new DataError(folder, `cannot be read: ${systemCause(error)}`, 'Check its permissions.');
  }
}
