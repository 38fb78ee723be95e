import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError } from '../../../engine/errors.ts';
import { systemCause } from '../../../engine/host/atomic_file.ts';
import { isKind } from '../../../engine/host/path_kind.ts';

/** What the root of a benchmark holds. */
export interface RootLayout {
  /** Folders that every copy has. */
  folders: readonly string[];
  /** Its files, for messages. */
  files: string;
}

/**
 * Makes sure that `root` holds a benchmark in its layout.
 * @param title the benchmark's name in print.
 * @throws DataError that tells the layout and, where it lies one folder up or down, the right root.
 */
export async function checkRoot(root: string, title: string, { folders, files }: RootLayout): Promise<void> {
  const hint = `--data-root takes the folder that holds ${title} in its own layout: ${files}.`;
  try {
    if (!(await stat(root)).isDirectory()) throw new DataError(root, 'is a file, wanted a folder', hint);
  } catch (error) {
    throw error instanceof DataError ? error : new DataError(root, systemCause(error), hint);
  }
  const missing = missingIn(root, folders);
  if (missing.length === 0) return;
  const near = await nearRoot(root, folders);
  const meant = near === null ? '' : `\nIt lies in ${near}: --data-root ${near}`;
  throw new DataError(root, `has no folder ${missing.join(', no ')}`, hint + meant);
}

function missingIn(root: string, folders: readonly string[]): string[] {
  return folders.filter((folder) => !isKind(join(root, folder), 'folder'));
}

/** The folder near `root` that holds all `folders`: a child of it or of its VOCdevkit, or a parent; null: none. */
async function nearRoot(root: string, folders: readonly string[]): Promise<string | null> {
  const devkit = join(root, 'VOCdevkit');
  const children = await Promise.all([root, devkit].map(subfolders));
  const parents = [dirname(resolve(root)), dirname(dirname(resolve(root)))];
  for (const folder of [...children.flat(), ...parents]) {
    if (missingIn(folder, folders).length === 0) return folder;
  }
  return null;
}

/** The folders in a folder, newest benchmark first (VOC2012 before VOC2007); none where it cannot be read. */
async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => join(folder, name))
    .sort((a, b) => (basename(a) < basename(b) ? 1 : -1));
}
