import { type FileHandle, open } from 'node:fs/promises';
import { DataError } from '../../engine/errors.ts';
import { systemCause } from '../../engine/host/atomic_file.ts';

/** Longest single read; the system call takes less than 2 GiB. */
const LONGEST_READ = 1 << 28;

/** A file open for reading at any place, so that only the wanted parts of a large file are held. */
export class ByteSource {
  /** Path as given by the user; every error names it. */
  readonly path: string;
  /** File size in bytes. */
  readonly size: number;
  readonly #file: FileHandle;

  private constructor(path: string, size: number, file: FileHandle) {
    this.path = path;
    this.size = size;
    this.#file = file;
  }

  /**
   * Opens `path`, passes it to `use` and closes it, whatever happens.
   *
   * @throws {DataError} When the file is missing, not a file or unreadable.
   */
  static async use<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
    const file = await open(path, 'r').catch((error) => {
      throw new DataError(path, `cannot be opened: ${systemCause(error)}`, 'Check the path.');
    });
    try {
      const status = await file.stat();
      if (!status.isFile()) throw new DataError(path, 'is not a file', 'Give the path of a weights file.');
      return await use(new ByteSource(path, status.size, file));
    } finally {
      await file.close();
    }
  }

  /**
   * Exactly `length` bytes from `offset`, in a buffer of their own.
   *
   * @throws {DataError} When the range leaves the file or the disk fails.
   */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const end = offset + length;
    if (!(offset >= 0 && length >= 0 && end <= this.size)) {
      throw new DataError(this.path, `bytes ${offset} to ${end} wanted, the file has ${this.size}`);
    }
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const wanted = Math.min(length - done, LONGEST_READ);
      const { bytesRead } = await this.#file.read(bytes, done, wanted, offset + done).catch((error) => {
        throw new DataError(this.path, `cannot be read: ${systemCause(error)}`);
      });
      if (bytesRead === 0) throw new DataError(this.path, 'became shorter while it was being read');
      done += bytesRead;
    }
    return bytes;
  }
}
