import { PickleGlobal, type PickleHost, PickleObject, type PickleValue } from './pickle_values.ts';
import type { TensorDtype } from './tensor_file.ts';

/** A flat run of elements in the archive, which tensors are views of. */
export class StorageRef extends PickleObject {
  readonly key: string;
  readonly dtype: TensorDtype;
  /** Number of elements. */
  readonly count: number;
  constructor(key: string, dtype: TensorDtype, count: number) {
    super('torch.Storage');
    this.key = key;
    this.dtype = dtype;
    this.count = count;
  }
}

/** A strided view of a storage; offset and strides count elements. */
export class TensorRef extends PickleObject {
  readonly storage: StorageRef;
  readonly offset: number;
  readonly shape: number[];
  readonly strides: number[];
  constructor(storage: StorageRef, offset: number, shape: number[], strides: number[]) {
    super('torch.Tensor');
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

const storageDtypes: Record<string, TensorDtype> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
};

/** PyTorch's own limit on a tensor's rank. */
const MOST_AXES = 64;

const firstArgument = ([value]: PickleValue[]): PickleValue => {
  if (value === undefined) throw new Error('lacks an argument of a call');
  return value;
};

/** Everything callable that state dicts and TorchScript modules need. */
const functions: Record<string, (args: PickleValue[]) => PickleValue> = {
  'collections.OrderedDict': orderedDict,
  'torch._utils._rebuild_tensor': rebuildTensor,
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_parameter': firstArgument,
  'torch._utils._rebuild_parameter_with_state': firstArgument,
  'torch.Size': firstArgument,
  'torch.device': firstArgument,
  'torch.jit._pickle.build_intlist': firstArgument,
  'torch.jit._pickle.build_doublelist': firstArgument,
  'torch.jit._pickle.build_boollist': firstArgument,
  'torch.jit._pickle.build_tensorlist': firstArgument,
  'torch.jit._pickle.restore_type_tag': firstArgument,
};

/** Classes compiled into a TorchScript archive; their instances are kept as plain attributes. */
const isScriptClass = (name: string) => name.startsWith('__torch__.');

/** What a PyTorch pickle may name, and what it means. */
export const torchHost: PickleHost = {
  allows: (name) =>
    Object.hasOwn(functions, name) || Object.hasOwn(storageDtypes, name) || isScriptClass(name),
  call(name, args) {
    if (isScriptClass(name)) return new PickleObject(name);
    const call = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (call === undefined) throw new Error(`calls '${name}', which is only a type`);
    return call(args);
  },
  persistent(id) {
    if (!Array.isArray(id)) throw new Error('has a persistent id that is not a tuple');
    const [kind, type, key, , count] = id;
    const dtype = type instanceof PickleGlobal ? storageDtypes[type.name] : undefined;
    if (kind !== 'storage' || dtype === undefined || typeof key !== 'string' || !isSize(count)) {
      throw new Error("has a persistent id other than ('storage', type, key, device, size)");
    }
    return new StorageRef(key, dtype, count);
  },
};

function orderedDict([pairs = []]: PickleValue[]): PickleValue {
  if (!Array.isArray(pairs)) throw new Error('makes an OrderedDict of something that is not a list');
  return new Map(
    pairs.map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2) throw new Error('makes an OrderedDict of non-pairs');
      return [pair[0]!, pair[1]!];
    }),
  );
}

function rebuildTensor([storage, offset, shape, strides]: PickleValue[]): PickleValue {
  if (
    !(storage instanceof StorageRef && isSize(offset) && isSizes(shape) && isSizes(strides)) ||
    shape.length !== strides.length ||
    shape.length > MOST_AXES
  ) {
    throw new Error('makes a tensor whose storage, offset, size and strides do not fit');
  }
  return new TensorRef(storage, offset, shape, strides);
}

function isSize(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}
