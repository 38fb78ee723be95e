import { DataError } from '../../engine/errors.ts';
import { product } from '../../engine/shape.ts';
import { ByteSource } from './byte_source.ts';
import { readPickle } from './pickle.ts';
import { PickleObject, type PickleValue } from './pickle_values.ts';
import {
  dtypeBytes,
  gatherStrided,
  type HostTensor,
  type StateDict,
  type TensorData,
  tensorData,
} from './tensor_file.ts';
import { TorchArchive } from './torch_archive.ts';
import { type StorageRef, TensorRef, torchHost } from './torch_pickle.ts';

/** More modules, and deeper ones, than any model has; a damaged file may repeat or nest them without end. */
const MOST_MODULES = 1_000_000;
const DEEPEST_MODULE = 200;
/** Largest tensor, in elements, that may repeat a smaller storage (stride 0). */
const MOST_REPEATED = 1 << 28;

/**
 * Reads the tensors of a PyTorch file (`.pt`, `.pth`) written by `torch.save` since 1.6 or by
 * `torch.jit.save`, such as OpenAI's CLIP models. Nested dicts and modules become dotted names; a checkpoint
 * with a `state_dict` gives that one alone; values that are not tensors are left out. No code of the file is
 * run: its pickle may only name what tensors need.
 *
 * @param wanted Loads only the tensors it accepts by name.
 * @throws {DataError} When the file is damaged, in the format from before 1.6, or names anything else.
 */
export function readTorchFile(
  path: string,
  wanted: (name: string) => boolean = () => true,
): Promise<StateDict> {
  return ByteSource.use(path, async (source) => {
    const archive = await TorchArchive.open(source);
    const root = readPickle(path, archive.picklePlace, await archive.pickle(), torchHost);
    const tensors: StateDict = new Map();
    const storages = new Map<string, TensorData>();
    for (const [name, tensor] of namedTensors(path, stateDictOf(root))) {
      if (!wanted(name)) continue;
      const storage = storages.get(tensor.storage.key) ?? (await loadStorage(path, archive, tensor.storage));
      storages.set(tensor.storage.key, storage);
      tensors.set(name, materialise(path, name, tensor, storage));
    }
    return tensors;
  });
}

function stateDictOf(root: PickleValue): PickleValue {
  const inner = root instanceof Map ? root.get('state_dict') : undefined;
  return inner instanceof Map ? inner : root;
}

/** Walks dicts and modules, depth first, in their own order. */
function namedTensors(path: string, root: PickleValue): Map<string, TensorRef> {
  const found = new Map<string, TensorRef>();
  const open = new Set<PickleValue>();
  let visits = 0;
  const visit = (value: PickleValue, name: string): void => {
    if (value instanceof TensorRef) {
      if (found.has(name)) throw new DataError(path, `holds two tensors named '${name}'`);
      found.set(name, value);
      return;
    }
    const members = value instanceof PickleObject ? value.attributes : value;
    if (!(members instanceof Map)) return;
    if (open.has(value) || open.size > DEEPEST_MODULE || ++visits > MOST_MODULES) {
      throw new DataError(path, `'${name}' contains itself or too many parts`, 'The file is damaged.');
    }
    open.add(value);
    for (const [key, member] of members) {
      if (typeof key !== 'string' && typeof key !== 'number') continue;
      visit(member, name === '' ? `${key}` : `${name}.${key}`);
    }
    open.delete(value);
  };
  visit(root, '');
  if (found.size === 0) {
    throw new DataError(
      path,
      'holds no tensors by name',
      'Save a state dict: torch.save(model.state_dict(), path).',
    );
  }
  return found;
}

async function loadStorage(path: string, archive: TorchArchive, storage: StorageRef): Promise<TensorData> {
  const { key, dtype, count } = storage;
  const bytes = await archive.storage(key);
  const wanted = count * dtypeBytes(dtype);
  if (bytes.length !== wanted) {
    throw new DataError(
      path,
      `storage '${key}' has ${bytes.length} bytes; ${count} x ${dtype} need ${wanted}`,
    );
  }
  return tensorData(dtype, bytes.buffer);
}

function materialise(path: string, name: string, tensor: TensorRef, data: TensorData): HostTensor {
  const { storage, offset, shape, strides } = tensor;
  const { dtype } = storage;
  const count = product(shape);
  const last = shape.reduce((place, size, axis) => place + (size - 1) * strides[axis]!, offset);
  if (count > 0 && (last >= data.length || (count > data.length && count > MOST_REPEATED))) {
    const problem = `shape [${shape}], strides [${strides}], offset ${offset} do not fit ${data.length} elements`;
    throw new DataError(
      path,
      `tensor '${name}': ${problem}`,
      'The file is damaged; save or download it again.',
    );
  }
  if (count === data.length && isRowMajor(shape, strides)) return { dtype, shape, data };
  return { dtype, shape, data: gatherStrided(data, offset, shape, strides) };
}

function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  return shape.every((size, axis) => size === 1 || strides[axis] === product(shape.slice(axis + 1)));
}
