import { readdirSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { systemCause } from '../../engine/atomic_file.ts';
import { ConfigError, DataError } from '../../engine/errors.ts';
import { pathKind } from '../io/path_kind.ts';

/** A picture to segment. */
export interface PictureFile {
  /** Path as it was given, or below the folder that was given. */
  file: string;
  /** Name of its results, without ending: no two pictures share one. */
  name: string;
}

/** What is taken from a folder; a file that is named itself may have any ending. */
const endings = new Set(['.jpg', '.jpeg', '.png']);

/**
 * The pictures that paths stand for: files as they are, folders by the JPEG and PNG files directly in them, by name.
 * A picture that is named twice counts once.
 * @throws ConfigError where a path is missing or a folder holds no picture.
 */
export function listPictures(paths: readonly string[]): PictureFile[] {
  const files = new Map<string, string>();
  for (const path of paths) for (const file of filesAt(path)) files.set(resolve(file), file);
  return withNames([...files.values()]);
}

function filesAt(path: string): string[] {
  const kind = pathKind(path);
  if (kind === null) {
    throw new ConfigError(`--images ${path}: there is no such file or folder`, 'Check the path');
  }
  if (kind === 'file') return [path];
  const names = entriesOf(path).filter(
    (name) => endings.has(extname(name).toLowerCase()) && !name.startsWith('.'),
  );
  if (names.length === 0) {
    throw new ConfigError(
      `--images ${path}: holds no .jpg, .jpeg or .png file`,
      'Folders inside it are not searched; name them too',
    );
  }
  return names.sort().map((name) => join(path, name));
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new DataError(folder, `cannot be read: ${systemCause(error)}`, 'Check its permissions.');
  }
}

/**
 * Names after the files, without folder and ending. Pictures that would share one get a number from the second on;
 * capitals do not tell names apart, as they do not on every file system.
 */
function withNames(files: readonly string[]): PictureFile[] {
  const plain = files.map((file) => basename(file, extname(file)));
  const key = (name: string): string => name.normalize('NFC').toLowerCase();
  const taken = new Set(plain.map(key));
  const used = new Set<string>();
  return files.map((file, index) => {
    let name = plain[index]!;
    for (let number = 2; used.has(key(name)); number++) {
      const next = `${plain[index]}-${number}`;
      if (!taken.has(key(next))) name = next;
    }
    used.add(key(name));
    return { file, name };
  });
}

/**
 * Checks that results do not land among the pictures, where they could replace one.
 * @throws ConfigError where a picture lies in one of the folders that results go to.
 */
export function requireApart(pictures: readonly PictureFile[], folders: readonly string[]): void {
  const taken = new Set(folders.map((folder) => resolve(folder)));
  const inside = pictures.find(({ file }) => taken.has(dirname(resolve(file))));
  if (inside === undefined) return;
  throw new ConfigError(
    `--images ${inside.file}: lies where results are written, and could be replaced`,
    'Give --out another folder',
  );
}
