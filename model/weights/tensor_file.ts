import { product } from '../../engine/shape.ts';

/** Typed arrays that tensors are stored in on the host. Files and hosts are little-endian. */
export type TensorData =
  | Float64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>;

type TensorDataConstructor = {
  new (buffer: ArrayBuffer): TensorData;
  readonly BYTES_PER_ELEMENT: number;
};

/** The array type of each dtype, named as in safetensors. F16 and BF16 are held as raw bits. */
const arrayTypes = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const satisfies Record<string, TensorDataConstructor>;

export type TensorDtype = keyof typeof arrayTypes;

/** A contiguous, row-major tensor in host memory. `shape` is empty for a scalar. */
export interface HostTensor {
  dtype: TensorDtype;
  shape: number[];
  data: TensorData;
}

/** Tensors by their dotted name, in file order. */
export type StateDict = Map<string, HostTensor>;

export function isTensorDtype(name: unknown): name is TensorDtype {
  return typeof name === 'string' && Object.hasOwn(arrayTypes, name);
}

/** All dtypes as a list for error messages. */
export const tensorDtypes = Object.keys(arrayTypes).join(', ');

/** Bytes of one element. */
export function dtypeBytes(dtype: TensorDtype): number {
  return arrayTypes[dtype].BYTES_PER_ELEMENT;
}

/** Wraps little-endian bytes, without a copy, as the array that belongs to `dtype`. */
export function tensorData(dtype: TensorDtype, bytes: ArrayBuffer): TensorData {
  return new arrayTypes[dtype](bytes);
}

/** The bytes a tensor occupies in a file. */
export function tensorBytes(tensor: HostTensor): Uint8Array<ArrayBuffer> {
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}

/** A float32 tensor around `data`, without a copy. */
export function float32Tensor(shape: readonly number[], data: Float32Array<ArrayBuffer>): HostTensor {
  return { dtype: 'F32', shape: [...shape], data };
}

/**
 * The elements `source[offset + sum(index[axis] * strides[axis])]` in row-major order of `shape`, as a new array.
 * The caller checks that every such place lies inside `source`.
 */
export function gatherStrided(
  source: TensorData,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): TensorData {
  const target = new (source.constructor as new (length: number) => TensorData)(product(shape));
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < target.length; to++) {
    target[to] = source[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return target;
}
