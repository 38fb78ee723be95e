import type { BufferSpec, Dims, Kernel } from '../kernels/kernel.ts';
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
 * the descriptor's shape, unless a tensor is given to write into.
 * @returns every buffer that the kernel writes, by name.
 * @throws ShapeError when a buffer is missing or too small, GpuError when one buffer is both read and written.
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
  Object.entries(kernel.buffers).forEach(([name, spec], binding) => {
    const shape = spec.shape(dims);
    const count = product(shape);
    let tensor = given[name];
    if (tensor && tensor.size < count) {
      throw new ShapeError(
        `${engine.where(kernel.name)}: ${name} is ${show(tensor.shape)}, wanted ${show(shape)}`,
      );
    }
    if (tensor && dtypeOf(spec) === 'f32' && tensor.dtype !== 'f32') {
      throw new ShapeError(`${engine.where(kernel.name)}: ${name} holds ${tensor.dtype}, wanted f32`);
    }
    if (!tensor && count === 0) {
      memories.push(engine.standIn(binding));
      return;
    }
    if (!tensor && spec.access !== 'write') {
      throw new ShapeError(`${engine.where(kernel.name)}: ${name} ${show(shape)} was not given`);
    }
    tensor ??= engine.empty(shape, dtypeOf(spec));
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
  const { variant, tile } = gpu.tiles.choose(kernel, dims);
  const pipeline = gpu.pipelines.get(kernel, variant, tile, 'f32');
  engine.trace(kernel.name, dims);
  gpu.recorder.dispatch(pipeline, memories, dims, variant.grid(dims, tile));
  return written as { [K in WritableKeys<B>]: Tensor };
}

function dtypeOf(spec: BufferSpec): Dtype {
  return spec.dtype === 'store_t' ? 'f32' : spec.dtype;
}
