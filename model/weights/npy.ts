import { DataError } from '../../engine/errors.ts';
import { product } from '../../engine/shape.ts';
import { ByteSource } from './byte_source.ts';
import {
  dtypeBytes,
  gatherStrided,
  type HostTensor,
  type TensorData,
  type TensorDtype,
  tensorData,
} from './tensor_file.ts';

const MAGIC = '\x93NUMPY';
const broken = 'The file is damaged or was not written by numpy.save; make it again.';

/** NumPy type strings and what they are here; '|' and '=' stand for "byte order does not matter". */
const dtypeOf: Record<string, TensorDtype> = {
  f2: 'F16',
  f4: 'F32',
  f8: 'F64',
  i1: 'I8',
  i2: 'I16',
  i4: 'I32',
  i8: 'I64',
  u1: 'U8',
  u2: 'U16',
  u4: 'U32',
  u8: 'U64',
  b1: 'BOOL',
};

/**
 * Reads a NumPy `.npy` array, format versions 1 to 3, C or Fortran order (given back in C order).
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @throws {DataError} When the file is not such an array: object, structured or big-endian arrays, a header
 *   that does not fit, too few or too many bytes.
 */
export function readNpy(path: string): Promise<HostTensor> {
  return ByteSource.use(path, async (source) => parseNpy(path, await source.read(0, source.size)));
}

function parseNpy(path: string, bytes: Uint8Array<ArrayBuffer>): HostTensor {
  const { text, dataStart } = headerOf(path, bytes);
  const { dtype, fortran, shape } = parseHeader(path, text);
  const wanted = product(shape) * dtypeBytes(dtype);
  const found = bytes.length - dataStart;
  if (found !== wanted) {
    throw new DataError(
      path,
      `has ${found} bytes of data; shape (${shape}) of ${dtype} needs ${wanted}`,
      broken,
    );
  }
  const data = tensorData(dtype, bytes.slice(dataStart).buffer);
  return { dtype, shape, data: fortran ? toRowMajor(data, shape) : data };
}

function headerOf(path: string, bytes: Uint8Array<ArrayBuffer>) {
  const latin1 = (start: number, end: number) => Buffer.from(bytes.subarray(start, end)).toString('latin1');
  if (latin1(0, MAGIC.length) !== MAGIC || bytes.length < 12) {
    throw new DataError(path, 'is not a .npy file: it does not begin with \\x93NUMPY', broken);
  }
  const version = bytes[6]!;
  if (version < 1 || version > 3) {
    throw new DataError(path, `has .npy format version ${version}.${bytes[7]}; known are 1 to 3`, broken);
  }
  const view = new DataView(bytes.buffer);
  const headerStart = version === 1 ? 10 : 12;
  const dataStart = headerStart + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (dataStart > bytes.length) {
    throw new DataError(path, `ends inside its header: ${bytes.length} of ${dataStart} bytes`, broken);
  }
  return { text: latin1(headerStart, dataStart), dataStart };
}

/** The header is a Python dict literal with exactly the keys descr, fortran_order and shape. */
function parseHeader(path: string, text: string) {
  const fail = (problem: string) => new DataError(path, `its header ${problem}: ${text.trim()}`, broken);
  const [, descr] = /'descr': *('[^']*'|\[)/.exec(text) ?? [];
  const [, order] = /'fortran_order': *(True|False)/.exec(text) ?? [];
  const [, sizes] = /'shape': *\(((?:\d+, *)*\d*)\)/.exec(text) ?? [];
  if (!/^\{.*\}\s*$/s.test(text) || descr === undefined || order === undefined || sizes === undefined) {
    throw fail('has no readable descr, fortran_order and shape');
  }
  const [, byteOrder, code] = /^'([<>|=])(\w+)'$/.exec(descr) ?? [];
  const dtype = code === undefined || !Object.hasOwn(dtypeOf, code) ? undefined : dtypeOf[code];
  if (dtype === undefined) throw fail('has a dtype that is not a plain number type');
  if (byteOrder === '>' && dtypeBytes(dtype) > 1) {
    throw new DataError(
      path,
      `is big-endian (${descr})`,
      "Save it again with array.astype(array.dtype.newbyteorder('<')).",
    );
  }
  const shape = sizes.split(',').filter((size) => size.trim() !== '');
  return { dtype, fortran: order === 'True', shape: shape.map(Number) };
}

/** Column-major to row-major order. */
function toRowMajor(source: TensorData, shape: readonly number[]): TensorData {
  return gatherStrided(
    source,
    0,
    shape,
    shape.map((_, axis) => product(shape.slice(0, axis))),
  );
}
