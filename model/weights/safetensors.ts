import { DataError } from '../../engine/errors.ts';
import { writeFileAtomic } from '../../engine/host/atomic_file.ts';
import { product } from '../../engine/shape.ts';
import { ByteSource } from './byte_source.ts';
import {
  dtypeBytes,
  type HostTensor,
  isTensorDtype,
  type StateDict,
  type TensorDtype,
  tensorBytes,
  tensorData,
  tensorDtypes,
} from './tensor_file.ts';

/** Free-form strings stored beside the tensors. */
export type Metadata = Record<string, string>;

export interface SafetensorsFile {
  tensors: StateDict;
  metadata: Metadata;
}

/** Where one tensor lies in the data section, in bytes. */
interface Entry {
  name: string;
  dtype: TensorDtype;
  shape: number[];
  begin: number;
  end: number;
}

const LENGTH_BYTES = 8;
/** The format's own limit for the header. */
const LONGEST_HEADER = 100_000_000;
const METADATA_KEY = '__metadata__';
const broken = 'The file is damaged or was not written as safetensors; make it again.';

/**
 * Reads a `.safetensors` file (https://github.com/huggingface/safetensors#format). The header is checked in
 * full before any tensor is read: known dtypes, byte ranges that fit the shapes and cover the data section
 * without gap or overlap.
 *
 * @param wanted Reads only the tensors it accepts by name; the header is checked all the same.
 * @throws {DataError} Naming the file, the tensor, what was found and what was wanted.
 */
export function readSafetensors(
  path: string,
  wanted: (name: string) => boolean = () => true,
): Promise<SafetensorsFile> {
  return ByteSource.use(path, async (source) => {
    const { entries, metadata, dataStart } = await readHeader(source);
    const tensors: StateDict = new Map();
    for (const { name, dtype, shape, begin, end } of entries) {
      if (!wanted(name)) continue;
      const bytes = await source.read(dataStart + begin, end - begin);
      tensors.set(name, { dtype, shape, data: tensorData(dtype, bytes.buffer) });
    }
    return { tensors, metadata };
  });
}

async function readHeader(source: ByteSource) {
  const { path, size } = source;
  if (size < LENGTH_BYTES) {
    throw new DataError(path, `has ${size} bytes; a safetensors file has at least ${LENGTH_BYTES}`, broken);
  }
  const length = new DataView((await source.read(0, LENGTH_BYTES)).buffer).getBigUint64(0, true);
  const room = Math.min(size - LENGTH_BYTES, LONGEST_HEADER);
  if (length > BigInt(room)) {
    throw new DataError(path, `says its header has ${length} bytes; at most ${room} fit`, broken);
  }
  const dataStart = LENGTH_BYTES + Number(length);
  const header = parseHeader(path, await source.read(LENGTH_BYTES, Number(length)));
  const metadata = checkMetadata(path, header[METADATA_KEY]);
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, value]) => checkEntry(path, name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkLayout(path, entries, size - dataStart);
  return { entries, metadata, dataStart };
}

function parseHeader(path: string, bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new DataError(path, `its header is not JSON in UTF-8: ${cause}`, broken);
  }
  if (!isRecord(header)) throw new DataError(path, 'its header is not a JSON object', broken);
  return header;
}

function checkMetadata(path: string, metadata: unknown): Metadata {
  if (metadata === undefined) return {};
  if (!isRecord(metadata)) throw new DataError(path, `${METADATA_KEY} is not an object of strings`, broken);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') {
      throw new DataError(path, `${METADATA_KEY}.${key} is ${JSON.stringify(value)}, not a string`, broken);
    }
  }
  return metadata as Metadata;
}

function checkEntry(path: string, name: string, value: unknown): Entry {
  const fail = (problem: string) => new DataError(path, `tensor '${name}': ${problem}`, broken);
  if (!isRecord(value)) throw fail('its header entry is not an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isTensorDtype(dtype)) {
    throw fail(`has the unknown dtype ${JSON.stringify(dtype)}; known are ${tensorDtypes}`);
  }
  if (!isSizes(shape)) throw fail(`its shape ${JSON.stringify(shape)} is not a list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw fail(`its data_offsets ${JSON.stringify(offsets)} are not [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = product(shape) * dtypeBytes(dtype);
  if (end - begin !== bytes) {
    throw fail(`${dtype} of shape [${shape}] needs ${bytes} bytes, its data_offsets span ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** The ranges, in order, must tile the data section exactly. */
function checkLayout(path: string, entries: readonly Entry[], dataBytes: number): void {
  let reached = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== reached) {
      const problem = begin < reached ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw new DataError(
        path,
        `tensor '${name}' begins at byte ${begin}, not ${reached}: ${problem}`,
        broken,
      );
    }
    reached = end;
  }
  if (reached !== dataBytes) {
    const hint = reached > dataBytes ? 'The file is cut short; copy or make it again.' : broken;
    throw new DataError(path, `its tensors take ${reached} bytes, the file has ${dataBytes} for them`, hint);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/**
 * Writes a `.safetensors` file in one atomic step (see {@link writeFileAtomic}), tensor by tensor. The same
 * tensors and metadata give the same bytes, whatever their order: wide dtypes come first, so that everything
 * is aligned, then names in code unit order.
 *
 * @throws {DataError} When a tensor's data does not fit its shape, its name is reserved, or writing fails.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Metadata = {},
): Promise<void> {
  const ordered = [...tensors].sort(
    ([nameA, a], [nameB, b]) => dtypeBytes(b.dtype) - dtypeBytes(a.dtype) || compareText(nameA, nameB),
  );
  const header = new Map<string, unknown>();
  const sortedMetadata = Object.entries(metadata).sort(([a], [b]) => compareText(a, b));
  if (sortedMetadata.length > 0) header.set(METADATA_KEY, Object.fromEntries(sortedMetadata));
  let offset = 0;
  for (const [name, tensor] of ordered) {
    const wanted = product(tensor.shape) * dtypeBytes(tensor.dtype);
    if (tensor.data.byteLength !== wanted || name === METADATA_KEY) {
      const found = `${tensor.data.byteLength} bytes of data for ${tensor.dtype} [${tensor.shape}] (${wanted})`;
      throw new DataError(
        path,
        `tensor '${name}' cannot be written: ${found}`,
        'The name or the data is wrong.',
      );
    }
    const span = [offset, offset + wanted];
    header.set(name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: span });
    offset += wanted;
  }
  await writeFileAtomic(path, fileChunks(header, ordered));
}

function* fileChunks(header: Map<string, unknown>, ordered: [string, HostTensor][]) {
  // Members are joined by hand: an object would move names that look like integers to the front.
  const members = [...header].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const json = Buffer.from(`{${members.join(',')}}`, 'utf8');
  const length = Math.ceil(json.length / LENGTH_BYTES) * LENGTH_BYTES;
  const head = Buffer.alloc(LENGTH_BYTES + length, ' ');
  head.writeBigUInt64LE(BigInt(length), 0);
  head.set(json, LENGTH_BYTES);
  yield head;
  for (const [, tensor] of ordered) yield tensorBytes(tensor);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
