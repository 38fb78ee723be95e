import { type AnyKernel, type Dims, type HostArrays, product, type StoreType } from '../../kernels/kernel.ts';
import { GpuError } from '../errors.ts';
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
export function makeInputs(kernel: AnyKernel, dims: Dims, seed = 1): HostArrays {
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
    inputs[name] =
      spec.dtype === 'f32' || spec.dtype === 'store_t'
        ? Float64Array.from(Float32Array.from(values))
        : Float64Array.from(values);
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
  store: StoreType = 'f32',
): Prepared {
  const pipeline = gpu.pipelines.get(kernel, choice.variant, choice.tile, store);
  const memories: Memory[] = [];
  const entries = Object.entries(kernel.buffers);
  for (const [name, spec] of entries) {
    const count = product(spec.shape(dims));
    const memory = gpu.pool.take(Math.max(count * 4, 4), `${kernel.name}.${name}`);
    memories.push(memory);
    const data =
      spec.access === 'write'
        ? poison(count)
        : toDevice(inputs[name], spec.dtype === 'u32' || spec.dtype === 'i32');
    gpu.write(memory.buffer, data);
  }
  return {
    record: () => gpu.recorder.dispatch(pipeline, memories, dims, choice.variant.grid(dims, choice.tile)),
    async outputs() {
      const result: HostArrays = {};
      for (const [i, [name, spec]] of entries.entries()) {
        if (spec.access === 'read') continue;
        const raw = await gpu.read(memories[i].buffer, product(spec.shape(dims)) * 4);
        const typed =
          spec.dtype === 'u32'
            ? new Uint32Array(raw)
            : spec.dtype === 'i32'
              ? new Int32Array(raw)
              : new Float32Array(raw);
        result[name] = Float64Array.from(typed);
      }
      return result;
    },
    release() {
      for (const memory of memories) gpu.pool.give(memory);
    },
  };
}

/** A pattern that no correct output holds, so that an element nobody wrote is seen. */
function poison(count: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(Math.max(count, 1)).fill(0x7f7f7f7f);
}

function toDevice(
  values: Float64Array,
  integer: boolean,
): Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer> {
  if (!integer) return Float32Array.from(values);
  return Uint32Array.from(values, (v) => v >>> 0);
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
