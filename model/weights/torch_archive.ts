import { type FileEntry, Reader, Uint8ArrayWriter, ZipReader } from '@zip.js/zip.js';
import { DataError } from '../../engine/errors.ts';
import type { ByteSource } from './byte_source.ts';

/** Deflate cannot shrink further than about this; a larger claim is damage. */
const HIGHEST_RATIO = 1040;
const broken = 'The file is damaged or no PyTorch file; save or download it again.';

/** The ZIP archive that `torch.save` and `torch.jit.save` write: `NAME/data.pkl` and `NAME/data/KEY`. */
export class TorchArchive {
  /** Name of the pickle inside the archive. */
  readonly picklePlace: string;
  readonly #path: string;
  readonly #folder: string;
  readonly #entries: ReadonlyMap<string, FileEntry>;

  private constructor(path: string, picklePlace: string, entries: ReadonlyMap<string, FileEntry>) {
    this.picklePlace = picklePlace;
    this.#path = path;
    this.#folder = picklePlace.slice(0, -'data.pkl'.length);
    this.#entries = entries;
  }

  /**
   * Reads the archive's table of contents.
   *
   * @throws {DataError} When the file is no such archive, or one of a big-endian machine.
   */
  static async open(source: ByteSource): Promise<TorchArchive> {
    await checkMagic(source);
    const entries = await readEntries(source);
    const pickles = [...entries.keys()].filter((name) => /(^|\/)data\.pkl$/.test(name));
    if (pickles.length !== 1) {
      throw new DataError(source.path, `has ${pickles.length} files named data.pkl in it, not one`, broken);
    }
    const archive = new TorchArchive(source.path, pickles[0]!, entries);
    await archive.#checkByteOrder();
    return archive;
  }

  /** The bytes of `data.pkl`. */
  pickle(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#read(this.picklePlace);
  }

  /** The bytes of one storage, in a buffer of their own. */
  storage(key: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.#read(`${this.#folder}data/${key}`);
  }

  async #checkByteOrder(): Promise<void> {
    const name = `${this.#folder}byteorder`;
    if (!this.#entries.has(name)) return;
    const order = Buffer.from(await this.#read(name)).toString('latin1');
    if (order !== 'little') {
      throw new DataError(
        this.#path,
        `has byte order '${order}', not 'little'`,
        'Save it on a little-endian machine.',
      );
    }
  }

  async #read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new DataError(this.#path, `lacks '${name}' inside`, broken);
    if (entry.uncompressedSize > entry.compressedSize * HIGHEST_RATIO) {
      throw new DataError(this.#path, `'${name}' inside claims ${entry.uncompressedSize} bytes`, broken);
    }
    const bytes = await named(this.#path, `'${name}' inside cannot be read`, () =>
      entry.getData(new Uint8ArrayWriter(), { checkCrc32: true, useWebWorkers: false }),
    );
    return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
  }
}

async function checkMagic(source: ByteSource): Promise<void> {
  const { path, size } = source;
  const start = Buffer.from(await source.read(0, Math.min(4, size))).toString('latin1');
  if (start === 'PK\x03\x04') return;
  if (start === '\x80\x02\x8a\x0a') {
    throw new DataError(
      path,
      'is in the PyTorch format from before version 1.6',
      "Convert it once with PyTorch: torch.save(torch.load('old.pt', map_location='cpu'), 'new.pt').",
    );
  }
  throw new DataError(path, 'is not a PyTorch file: it does not begin like a ZIP archive', broken);
}

async function readEntries(source: ByteSource): Promise<Map<string, FileEntry>> {
  const reader = new ZipReader(new SourceReader(source), { useWebWorkers: false });
  const files = new Map<string, FileEntry>();
  for (const entry of await named(source.path, 'cannot be read as an archive', () => reader.getEntries())) {
    if (entry.directory) continue;
    if (files.has(entry.filename)) {
      throw new DataError(source.path, `holds '${entry.filename}' twice`, broken);
    }
    files.set(entry.filename, entry);
  }
  return files;
}

/** Gives what the ZIP library complains about a file and a cause. */
async function named<T>(path: string, problem: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof DataError) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw new DataError(path, `${problem}: ${cause}`, broken);
  }
}

/** Lets the ZIP library read from a file at any place. */
class SourceReader extends Reader<ByteSource> {
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    super(source);
    this.#source = source;
    this.size = source.size;
  }

  override readUint8Array(index: number, length: number): Promise<Uint8Array> {
    return this.#source.read(index, Math.min(length, this.size - index));
  }
}
