import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DataError } from '../errors.ts';

const causes: Record<string, string> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'part of the path is not a folder',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'disk quota exceeded',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the name is too long',
};

/** The operating system's complaint in words, such as `permission denied (EACCES)`. */
export function systemCause(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code in causes) return `${causes[code]} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

/**
 * Replaces `path` in one step: a reader, a crash or a power cut sees the old content or the new one, never
 * half of it. The content goes to a temporary file in the same folder, which is synced, renamed over `path`,
 * and made durable by syncing the folder, where the system can. When anything fails the temporary file is removed and `path` stays
 * as it was.
 *
 * @param content Whole, or as chunks produced while writing, so that a large file is never held at once.
 * @throws {DataError} When the system refuses to write; an error thrown by the chunks passes unchanged.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
  const file = await attempt(path, () => open(temporary, 'wx'));
  try {
    try {
      for await (const chunk of chunksOf(content)) await attempt(path, () => writeAll(file, chunk));
      await attempt(path, () => file.sync());
    } finally {
      await file.close();
    }
    await attempt(path, () => rename(temporary, path));
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await attempt(path, () => syncFolder(folder));
}

function chunksOf(content: Parameters<typeof writeFileAtomic>[1]) {
  if (typeof content === 'string') return [Buffer.from(content, 'utf8')];
  return content instanceof Uint8Array ? [content] : content;
}

/** One `write` may take less than it was given, and never takes 2 GiB. */
async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let start = 0; start < chunk.byteLength; ) {
    const { bytesWritten } = await file.write(chunk, start, Math.min(chunk.byteLength - start, 1 << 28));
    start += bytesWritten;
  }
}

async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    // what Windows says to every folder; its file system journals the rename
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new DataError(
      path,
      `cannot be written: ${systemCause(error)}`,
      'Check that the folder exists, is writable and has space left.',
    );
  }
}
