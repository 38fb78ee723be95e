import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import sharp from 'sharp';
import { ConfigError, DataError } from '../../engine/errors.ts';
import { systemCause } from '../../engine/host/atomic_file.ts';
import { isKind, type PathKind, pathKind } from '../../engine/host/path_kind.ts';

/** A picture to segment. */
export interface PictureFile {
  /** Path as it was given, or below the folder that was given. */
  file: string;
  /** Name of its results, without ending: no two pictures share one. */
  name: string;
}

/** What paths stand for. */
export interface Listing {
  pictures: PictureFile[];
  /** What lies in the folders besides. */
  others: Others;
}

/** Entries of folders that are not taken. */
export interface Others {
  files: number;
  folders: number;
}

/**
 * Endings of the files that the decoder reads: those are taken from a folder. A file that is named itself may have any.
 */
export const pictureEndings: readonly string[] = Object.values(sharp.format)
  .flatMap(({ input }) => (input.buffer ? (input.fileSuffix ?? []) : []))
  .sort();

/**
 * The pictures that paths stand for: files as they are, folders by the files directly in them that the decoder reads,
 * by name. A picture that is named twice counts once.
 * @throws ConfigError where a path is missing or a folder holds no picture.
 */
export function listPictures(paths: readonly string[]): Listing {
  const files = new Map<string, string>();
  const others = { files: new Set<string>(), folders: new Set<string>() };
  for (const path of paths) {
    if (kindOfGiven(path) === 'file') {
      files.set(resolve(path), path);
      continue;
    }
    const found = entriesOf(path);
    for (const file of found.pictures) files.set(resolve(file), file);
    for (const file of found.files) others.files.add(resolve(file));
    for (const folder of found.folders) others.folders.add(resolve(folder));
  }
  // what a folder does not give may be named itself
  const given = new Set([...files.keys(), ...paths.map((path) => resolve(path))]);
  const left = (kind: keyof Others): number => [...others[kind]].filter((path) => !given.has(path)).length;
  return {
    pictures: withNames([...files.values()]),
    others: { files: left('files'), folders: left('folders') },
  };
}

function kindOfGiven(path: string): PathKind {
  const kind = pathKind(path);
  if (kind !== null) return kind;
  throw new ConfigError(
    `--images ${path}: there is no such file or folder`,
    /[*?[{]/.test(path)
      ? 'Check the path; wildcards must not be quoted, since the shell replaces them. Or give the folder'
      : 'Check the path',
  );
}

function entriesOf(folder: string): Record<'pictures' | keyof Others, string[]> {
  const entries = { pictures: [] as string[], files: [] as string[], folders: [] as string[] };
  for (const name of namesIn(folder).sort()) {
    const path = join(folder, name);
    entries[isKind(path, 'folder') ? 'folders' : isPicture(name) ? 'pictures' : 'files'].push(path);
  }
  if (entries.pictures.length > 0) return entries;
  const others = othersText({ files: entries.files.length, folders: entries.folders.length });
  throw new ConfigError(
    `--images ${folder}: holds no picture (${others}), wanted files ending in ${pictureEndings.join(', ')}`,
    'Folders inside it are not searched; name them too. A file of another ending is taken where it is named itself',
  );
}

/** Hidden files are other files: systems leave some that end as pictures do. */
function isPicture(name: string): boolean {
  const lower = name.toLowerCase();
  return !name.startsWith('.') && pictureEndings.some((ending) => lower.endsWith(ending));
}

/** `2 other files and 1 folder`. */
export function othersText({ files, folders }: Others): string {
  return `${files} other ${files === 1 ? 'file' : 'files'} and ${folders} ${folders === 1 ? 'folder' : 'folders'}`;
}

function namesIn(folder: string): string[] {
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
  // through links, and in the spelling of the file system
  const place = (folder: string): string =>
    existsSync(folder) ? realpathSync.native(folder) : resolve(folder);
  const taken = new Set(folders.map(place));
  const inside = pictures.find(({ file }) => taken.has(place(dirname(resolve(file)))));
  if (inside === undefined) return;
  throw new ConfigError(
    `--images ${inside.file}: lies where results are written, and could be replaced`,
    'Give --out another folder',
  );
}
