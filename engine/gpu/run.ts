import {
  type AnyKernel,
  type Dims,
  elementType,
  type HostArrays,
  product,
  type Stores,
} from '../../kernels/kernel.ts';
import { GpuError } from '../errors.ts';
import { fromF16ToFloat32, fromFloat32ToF16 } from '../half.ts';
import type { Gpu } from './context.ts';
import type { Memory } from './pool.ts';
import type { Choice } from './tiles.ts';

/** A kernel with its buffers in place: the path of the tests and the bench, without tensors or tape. */
export interface Prepared {
  /** Records one dispatch. */
  record(): void;
  /** Reads the outputs (write and read_write buffers). */
  outputs(): Promise<HostArrays>;
  release(): void;
}

/** Seeded test inputs of one case: the descriptor's own generator, or uniform in [-1, 1). */
export function makeInputs(kernel: AnyKernel, dims: Dims, stores: Stores = 'f32', seed = 1): HostArrays {
  const random = mulberry32(seed);
  const inputs: HostArrays = {};
  for (const [name, spec] of Object.entries(kernel.buffers)) {
    if (spec.access === 'write') continue;
    const count = product(spec.shape(dims));
    if (!spec.input && (spec.dtype === 'u32' || spec.dtype === 'i32')) {
      throw new GpuError(`${kernel.name}: integer buffer ${name} has no input generator`);
    }
    const values = spec.input?.(dims, random) ?? Float64Array.from({ length: count }, () => random() * 2 - 1);
    // the reference must see the values that the shader sees
    const type = elementType(spec.dtype, stores);
    const integer = type === 'u32' || type === 'i32';
    inputs[name] = integer ? Float64Array.from(values) : fromDevice(toDevice(values, type), type);
  }
  return inputs;
}

/** Small, fast 32-bit generator (Tommy Ettinger's mulberry32), for test inputs only. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function prepare(
  gpu: Gpu,
  kernel: AnyKernel,
  choice: Choice,
  dims: Dims,
  inputs: HostArrays,
  stores: Stores = 'f32',
): Prepared {
  const pipeline = gpu.pipelines.get(kernel, choice, dims, stores);
  const memories: Memory[] = [];
  const entries = Object.entries(kernel.buffers);
  for (const [name, spec] of entries) {
    const count = product(spec.shape(dims));
    const type = elementType(spec.dtype, stores);
    const bytes = bytesOf(count, type);
    const memory = gpu.pool.take(Math.max(bytes, 4), `${kernel.name}.${name}`);
    memories.push(memory);
    gpu.write(memory, spec.access === 'write' ? poison(bytes) : toDevice(inputs[name], type));
  }
  return {
    record: () => gpu.recorder.dispatch(pipeline, memories, dims, choice.variant.grid(dims, choice.tile)),
    async outputs() {
      const result: HostArrays = {};
      for (const [i, [name, spec]] of entries.entries()) {
        if (spec.access === 'read') continue;
        const type = elementType(spec.dtype, stores);
        const raw = await gpu.read(memories[i], bytesOf(product(spec.shape(dims)), type));
        result[name] = fromDevice(new Uint8Array(raw), type);
      }
      return result;
    },
    release() {
      for (const memory of memories) gpu.pool.give(memory);
    },
  };
}

/** A pattern that no correct output holds, so that an element nobody wrote is seen. */
function poison(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Math.max(bytes, 4)).fill(0x7f);
}

type ElementType = ReturnType<typeof elementType>;

function bytesOf(count: number, type: ElementType): number {
  return count * (type === 'f16' ? 2 : 4);
}

/** Numbers as a shader stores them. */
function toDevice(values: ArrayLike<number>, type: ElementType): ArrayBufferView<ArrayBuffer> {
  if (type === 'u32' || type === 'i32') return Uint32Array.from(values, (v) => v >>> 0);
  const floats = Float32Array.from(values);
  return type === 'f16' ? fromFloat32ToF16(floats) : floats;
}

/** What {@link toDevice} made, or a shader. */
function fromDevice({ buffer, byteLength }: ArrayBufferView<ArrayBuffer>, type: ElementType): Float64Array {
  const count = byteLength / bytesOf(1, type);
  if (type === 'f16') return Float64Array.from(fromF16ToFloat32(new Uint16Array(buffer, 0, count)));
  const typed = { f32: Float32Array, u32: Uint32Array, i32: Int32Array }[type];
  return Float64Array.from(new typed(buffer, 0, count));
}

/**
 * The largest difference, relative to the largest magnitude of the truth (at least 1e-30); Infinity when an
 * output is not finite where the truth is, or has the wrong length.
 */
export function worstError(found: Float64Array, truth: Float64Array): number {
  if (found.length !== truth.length) return Infinity;
  let scale = 1e-30;
  let worst = 0;
  for (let i = 0; i < truth.length; i++) {
    scale = Math.max(scale, Math.abs(truth[i]));
    const difference = Math.abs(found[i] - truth[i]);
    if (Number.isNaN(difference)) return Infinity;
    if (difference > worst) worst = difference;
  }
  return worst / scale;
}
