import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileEntry, Uint8ArrayReader, Uint8ArrayWriter, ZipReader, ZipWriter } from '@zip.js/zip.js';
import * as assert from 'uvu/assert';
import { DataError } from '../../../engine/errors.ts';
import { goldenPath } from '../../support/paths.ts';

/** A fixture of `test/golden/weights`. */
export function golden(name: string): string {
  return goldenPath('weights', name);
}

/** Runs `use` with a folder that is gone afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'weights-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes `bytes` to a file called `name` and hands its path to `use`. */
export function withFile<T>(name: string, bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return use(path);
  });
}

/** Expects a DataError that names `path` and whose message has every one of `causes`. */
export async function rejectsWith(
  path: string,
  action: () => Promise<unknown>,
  ...causes: string[]
): Promise<void> {
  const error = await action().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, DataError, `expected a DataError, got ${error}`);
  assert.is((error as DataError).file, path);
  for (const cause of causes) {
    assert.ok(String(error).includes(cause), `'${cause}' is not in: ${error}`);
  }
}

const inThisThread = { useWebWorkers: false };

/** Contents of an archive by name. */
export type Members = Map<string, Uint8Array<ArrayBuffer>>;

export async function unzip(path: string): Promise<Members> {
  const reader = new ZipReader(new Uint8ArrayReader(Uint8Array.from(await readFile(path))), inThisThread);
  const members: Members = new Map();
  for (const entry of (await reader.getEntries()) as FileEntry[]) {
    members.set(entry.filename, await entry.getData(new Uint8ArrayWriter()));
  }
  return members;
}

/** An archive of `members`, uncompressed as PyTorch's are. */
export async function zip(members: Members): Promise<Uint8Array> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), { ...inThisThread, level: 0 });
  for (const [name, bytes] of members) await writer.add(name, new Uint8ArrayReader(bytes));
  return writer.close();
}
