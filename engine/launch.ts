import {
  type Alias,
  type AnyKernel,
  type BufferSpec,
  type Dims,
  elementType,
  isAlias,
  type Kernel,
  type Stores,
  type StoreType,
} from '../kernels/kernel.ts';
import type { Engine } from './engine.ts';
import { GpuError, ShapeError } from './errors.ts';
import type { Memory } from './gpu/pool.ts';
import { type Dtype, product, show } from './shape.ts';
import { type Tensor, tensorsIn } from './tensor.ts';

type WritableKeys<B extends Record<string, BufferSpec<never>>> = {
  [K in keyof B]: B[K]['access'] extends 'read' ? never : K;
}[keyof B];

/** The engine that the tensors in `value` live on. */
export function engineOf(value: object): Engine {
  for (const tensor of tensorsIn({ ...value })) return tensor.storage.home as Engine;
  throw new ShapeError('an operation needs at least one tensor');
}

/**
 * Records one dispatch of a kernel. Buffers to read must be given; buffers to write are taken from the pool with
 * the descriptor's shape, unless a tensor is given to write into. The given tensors decide what the kernel's aliases
 * stand for, f32 or f16.
 * @returns every buffer that the kernel writes, by name.
 * @throws ShapeError when a buffer is missing, too small or of the wrong type, GpuError when one buffer is both read
 * and written or the grid is too large.
 */
// biome-ignore lint/suspicious/noExplicitAny: a descriptor's shape functions take its own dims
export function launch<D extends Dims, B extends Record<string, BufferSpec<any>>>(
  kernel: Kernel<D, B>,
  dims: D,
  given: { readonly [K in keyof B]?: Tensor },
): { [K in WritableKeys<B>]: Tensor } {
  const engine = engineOf(given);
  const { gpu } = engine;
  const memories: Memory[] = [];
  const written: Record<string, Tensor> = {};
  const stores = storesOf(given, kernel);
  Object.entries(kernel.buffers).forEach(([name, spec], binding) => {
    const shape = spec.shape(dims);
    const count = product(shape);
    let tensor = given[name];
    if (tensor && tensor.size < count) {
      throw new ShapeError(
        `${engine.where(kernel.name)}: ${name} is ${show(tensor.shape)}, wanted ${show(shape)}`,
      );
    }
    const dtype = elementType(spec.dtype, stores);
    if (tensor && tensor.dtype !== dtype) {
      throw new ShapeError(`${engine.where(kernel.name)}: ${name} holds ${tensor.dtype}, wanted ${dtype}`);
    }
    if (!tensor && count === 0) {
      memories.push(engine.standIn(binding));
      return;
    }
    if (!tensor && spec.access !== 'write') {
      throw new ShapeError(`${engine.where(kernel.name)}: ${name} ${show(shape)} was not given`);
    }
    tensor ??= engine.empty(shape, dtype);
    memories.push(tensor.storage.memory);
    if (spec.access !== 'read') written[name] = tensor;
  });
  const names = Object.keys(kernel.buffers);
  memories.forEach((memory, i) => {
    if (kernel.buffers[names[i]].access === 'read') return;
    const other = memories.findIndex((m, j) => j !== i && m.id === memory.id);
    if (other >= 0) {
      throw new GpuError(`${engine.where(kernel.name)}: ${names[i]} and ${names[other]} are the same buffer`);
    }
  });
  const choice = gpu.tiles.choose(kernel, dims, stores);
  const pipeline = gpu.pipelines.get(kernel, choice, dims, stores);
  const grid = choice.variant.grid(dims, choice.tile);
  engine.trace(kernel.name, dims);
  gpu.recorder.dispatch(pipeline, memories, dims, grid, engine.where(kernel.name));
  return written as { [K in WritableKeys<B>]: Tensor };
}

/** What each alias stands for: the type of the first tensor given for a buffer of it. */
function storesOf(given: Readonly<Record<string, Tensor | undefined>>, kernel: AnyKernel): Stores {
  const stores: Partial<Record<Alias, StoreType>> = {};
  for (const [name, { dtype }] of Object.entries(kernel.buffers)) {
    const tensor = given[name];
    if (tensor && isAlias(dtype) && isFloat(tensor.dtype)) stores[dtype] ??= tensor.dtype;
  }
  return stores;
}

function isFloat(dtype: Dtype): dtype is StoreType {
  return dtype === 'f32' || dtype === 'f16';
}
