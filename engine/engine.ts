import type { Dims, StoreType } from '../kernels/kernel.ts';
import { GpuError, ShapeError } from './errors.ts';
import type { Place } from './gpu/commands.ts';
import { createGpu, type Gpu, type GpuOptions } from './gpu/context.ts';
import { requireF16 } from './gpu/device.ts';
import type { Platform } from './gpu/platform.ts';
import type { Memory, PoolStats } from './gpu/pool.ts';
import { Scopes } from './scope.ts';
import { bytesOf, type Dtype, product, type Shape, show } from './shape.ts';
import type { Tape } from './tape.ts';
import { type HostValues, Parameter, Storage, Tensor, type TensorHome } from './tensor.ts';

/** Counters that stand still in steady state. */
export interface EngineStats extends PoolStats {
  pipelines: number;
  bindGroups: number;
  submits: number;
}

/** A step's dispatch list, see {@link Engine.capture}. */
export interface Captured {
  submit(): void;
  /** Gives the intermediate buffers back; the list must not be submitted any more. */
  release(): void;
}

/** Every adapter lets a storage binding begin at a multiple of 256 bytes. */
const PART_BYTES = 256;

/** Bytes of a tensor with the space up to where the next binding can begin. */
function partBytes(shape: Shape, dtype: Dtype): number {
  return Math.max(1, Math.ceil(bytesOf(shape, dtype) / PART_BYTES)) * PART_BYTES;
}

/** Where an element of a tensor lies. */
function placeOf({ storage: { memory }, dtype }: Tensor, element: number): Place {
  return { buffer: memory.buffer, offset: memory.offset + bytesOf([element], dtype) };
}

/** Tensors, ownership and differentiation on one GPU device. Make one with {@link createEngine}. */
export class Engine implements TensorHome {
  readonly gpu: Gpu;
  /** How a model stores its activations and frozen weights: see `cast` and `ParameterStore`. */
  readonly precision: StoreType;
  /** Whether `checkpoint` trades time for memory. */
  readonly checkpointing: boolean;
  /** The recording tape; null outside `valueAndGrad`. */
  tape: Tape | null = null;
  /** Where in the model we are, for errors: set with {@link at}. */
  label = '';
  private op = '';
  private ids = 0;
  private capturing = false;
  private unit: Tensor | null = null;
  private inFlight: Promise<void> = Promise.resolve();
  readonly scopes = new Scopes();
  private readonly standIns = new Map<number, Memory>();

  constructor(
    gpu: Gpu,
    { precision = 'f32', checkpointing = false }: Omit<EngineOptions, keyof GpuOptions> = {},
  ) {
    this.gpu = gpu;
    this.precision = precision;
    this.checkpointing = checkpointing;
  }

  /** Uploads values. */
  tensor(values: HostValues | readonly number[], shape: Shape): Tensor {
    const typed = Array.isArray(values) ? Float32Array.from(values) : (values as HostValues);
    const dtype: Dtype = typed instanceof Float32Array ? 'f32' : typed instanceof Uint32Array ? 'u32' : 'i32';
    const tensor = this.empty(shape, dtype);
    tensor.write(typed);
    return tensor;
  }

  /** A tensor of unspecified contents. */
  empty(shape: Shape, dtype: Dtype = 'f32'): Tensor {
    if (!shape.every((n) => Number.isInteger(n) && n >= 0))
      throw new ShapeError(`${this.where('tensor')}: shape ${show(shape)}`);
    return this.scopes.adopt(new Tensor(this.allocate(shape, dtype), shape, dtype));
  }

  zeros(shape: Shape, dtype: Dtype = 'f32'): Tensor {
    const tensor = this.empty(shape, dtype);
    this.gpu.recorder.clear(tensor.storage.memory, tensor.storage.memory.capacity);
    return tensor;
  }

  /**
   * Overwrites `count` elements of a tensor with those of another one, in recording order: a command, no dispatch.
   * @param range where the elements begin in either; all of them by default. Both bytes and places are multiples of 4.
   */
  copy(from: Tensor, to: Tensor, range = { from: 0, to: 0, count: from.size }): void {
    const { dtype } = from;
    const fits = range.from + range.count <= from.size && range.to + range.count <= to.size;
    if (!fits || dtype !== to.dtype) {
      const [source, target] = [from, to].map((tensor) => `${tensor.dtype} ${show(tensor.shape)}`);
      throw new ShapeError(`${this.where('copy')}: ${range.count} elements of ${source} to ${target}`);
    }
    this.gpu.recorder.copy(placeOf(from, range.from), placeOf(to, range.to), bytesOf([range.count], dtype));
  }

  /** Overwrites elements of a tensor with zeros, in recording order: a command, no dispatch; see {@link copy}. */
  clear(tensor: Tensor, { from, count } = { from: 0, count: tensor.size }): void {
    this.gpu.recorder.clear(placeOf(tensor, from), bytesOf([count], tensor.dtype));
  }

  /** The constant 1, made once: the seed of every backward pass. */
  one(): Tensor {
    if (!this.unit) {
      this.unit = new Tensor(this.allocate([1], 'f32'), [1], 'f32');
      this.unit.storage.hold();
      this.unit.write(new Float32Array([1]));
    }
    return this.unit;
  }

  /** A named weight; belongs to no scope, lives until `dispose()`. What trains is f32: its updates are small. */
  parameter(
    name: string,
    values: Float32Array<ArrayBuffer>,
    shape: Shape,
    trainable: boolean,
    dtype: StoreType = 'f32',
  ): Parameter {
    if (trainable && dtype !== 'f32') throw new ShapeError(`parameter ${name}: ${dtype} cannot be trained`);
    if (values.length !== product(shape)) {
      throw new ShapeError(`parameter ${name}: ${values.length} values for shape ${show(shape)}`);
    }
    const parameter = new Parameter(name, this.allocate(shape, dtype), shape, dtype, trainable);
    parameter.storage.hold();
    parameter.write(values);
    return parameter;
  }

  /** The same values under another shape; no copy. */
  view(tensor: Tensor, shape: Shape): Tensor {
    if (product(shape) !== tensor.size) {
      throw new ShapeError(`${this.where('reshape')}: ${show(tensor.shape)} to ${show(shape)}`);
    }
    return this.scopes.adopt(new Tensor(tensor.storage, shape, tensor.dtype));
  }

  /** Whether {@link part} can begin at an element: bindings begin at multiples of {@link PART_BYTES}. */
  isPartStart(tensor: Tensor, start: number): boolean {
    return (tensor.storage.memory.offset + bytesOf([start], tensor.dtype)) % PART_BYTES === 0;
  }

  /**
   * The elements from `start` on under a shape, without a copy; not differentiable itself.
   * @throws ShapeError when they are not inside the tensor, or do not begin where {@link isPartStart} says.
   */
  part(tensor: Tensor, start: number, shape: Shape): Tensor {
    const size = product(shape);
    if (!this.isPartStart(tensor, start) || start + size > tensor.size) {
      throw new ShapeError(
        `${this.where('part')}: ${size} elements from ${start} on of ${show(tensor.shape)}`,
      );
    }
    const { storage, dtype } = tensor;
    const offset = bytesOf([start], dtype);
    const capacity = Math.min(partBytes([size], dtype), storage.memory.capacity - offset);
    return this.scopes.adopt(new Tensor(storage.part(offset, capacity), shape, dtype));
  }

  /**
   * Moves f32 tensors side by side into one buffer, in this order, so that one dispatch can take them all. The
   * buffer lives as long as one of them stays in it.
   * @returns all of it, with zeros between the tensors, and where each of them begins.
   */
  pack(tensors: readonly Tensor[]): { whole: Tensor; starts: number[] } {
    const { recorder } = this.gpu;
    const starts: number[] = [];
    let size = 0;
    for (const { shape } of tensors) {
      starts.push(size);
      size += partBytes(shape, 'f32') / 4;
    }
    const storage = this.allocate([size], 'f32');
    const { memory } = storage;
    recorder.clear(memory, memory.capacity);
    tensors.forEach(({ storage: own, shape }, i) => {
      const offset = 4 * starts[i];
      recorder.copy(own.memory, { ...memory, offset }, bytesOf(shape, 'f32'));
      own.moveInto(storage, offset, partBytes(shape, 'f32'));
    });
    return { whole: new Tensor(storage, [size], 'f32'), starts };
  }

  /** The same values cut off from differentiation. */
  detach(tensor: Tensor): Tensor {
    return this.view(tensor, tensor.shape);
  }

  /** Marks an operation's output as differentiable. */
  tracked(tensor: Tensor): Tensor {
    return this.scopes.adopt(new Tensor(tensor.storage, tensor.shape, tensor.dtype, true));
  }

  /** Runs `body`; its tensors are let go at the end, except those returned. */
  scope<T>(body: () => T): T {
    return this.scopes.run(body);
  }

  /**
   * Records the dispatches of `body` once, without submitting them, to be submitted again and again: the host's
   * work per step is then to encode a list. The intermediate buffers stay reserved until `release`. What changes
   * between submissions must live in tensors made before.
   */
  capture(body: () => void): Captured {
    const { recorder, pool, device } = this.gpu;
    this.one();
    recorder.flush();
    pool.beginTrace();
    this.capturing = true;
    try {
      this.scope(body);
    } catch (error) {
      recorder.take();
      pool.endTrace().forEach((memory) => {
        pool.give(memory);
      });
      throw error;
    } finally {
      this.capturing = false;
    }
    const reserved = pool.endTrace();
    const commands = recorder.take();
    return {
      submit: () => {
        recorder.flush();
        recorder.submit(commands);
        device.raise();
      },
      release: () => {
        for (const memory of reserved.splice(0)) pool.give(memory);
      },
    };
  }

  /** Runs `body` in a scope of its own and reads every tensor of the record it returns. */
  async fetch<K extends string>(body: () => Record<K, Tensor>): Promise<Record<K, HostValues>> {
    const tensors = this.scope(body);
    const values = {} as Record<K, HostValues>;
    for (const name of Object.keys(tensors) as K[]) values[name] = await tensors[name].read();
    for (const name of Object.keys(tensors) as K[]) tensors[name].dispose();
    return values;
  }

  /** Submits what was recorded. A training step calls it once. */
  flush(): void {
    this.gpu.recorder.flush();
    this.gpu.device.raise();
  }

  /** Waits for the submit before the last one: the host may be one step ahead of the GPU, not more. */
  async throttle(): Promise<void> {
    const { device } = this.gpu;
    const before = this.inFlight;
    this.inFlight = device.done();
    await before;
    device.raise();
  }

  /** Submits, waits until the GPU is idle, and raises collected errors. */
  async settle(): Promise<void> {
    this.flush();
    await this.gpu.device.settle();
  }

  /** Names the part of the model that `body` builds, in errors and traces. */
  at<T>(label: string, body: () => T): T {
    const outer = this.label;
    this.label = outer ? `${outer}.${label}` : label;
    try {
      return body();
    } finally {
      this.label = outer;
    }
  }

  /** Names the running operation. */
  annotate<T>(op: string, body: () => T): T {
    const outer = this.op;
    this.op = op;
    try {
      return body();
    } finally {
      this.op = outer;
    }
  }

  /** `matmul.forward in linear at visual.resblocks.3.mlp.c_fc`. */
  where(what: string): string {
    return `${what}${this.op ? ` in ${this.op}` : ''}${this.label ? ` at ${this.label}` : ''}`;
  }

  trace(kernel: string, dims: Dims): void {
    this.gpu.debug(3, () => `${this.where(kernel)} ${JSON.stringify(dims)}`);
  }

  stats(): EngineStats {
    const { pool, pipelines, recorder } = this.gpu;
    return {
      ...pool.snapshot(),
      pipelines: pipelines.created,
      bindGroups: recorder.bindGroupsCreated,
      submits: recorder.submits,
    };
  }

  /** Waits for the GPU and gives the device back; the process can end afterwards. */
  async close(): Promise<void> {
    await this.gpu.close();
  }

  // TensorHome

  nextId(): number {
    return this.ids++;
  }

  reclaim(memory: Memory): void {
    this.gpu.pool.give(memory);
  }

  readMemory(memory: Memory, bytes: number): Promise<ArrayBuffer> {
    return this.gpu.read(memory, bytes);
  }

  writeMemory(memory: Memory, data: ArrayBufferView<ArrayBuffer>): void {
    if (this.capturing)
      throw new GpuError(`${this.where('upload')}: a captured step cannot upload; do it before`);
    this.gpu.write(memory, data);
  }

  /** A small buffer for a binding that these dims do not use. */
  standIn(binding: number): Memory {
    let memory = this.standIns.get(binding);
    if (!memory) {
      memory = this.gpu.pool.take(256, 'stand-in');
      this.standIns.set(binding, memory);
    }
    return memory;
  }

  private allocate(shape: Shape, dtype: Dtype): Storage {
    const bytes = Math.ceil(bytesOf(shape, dtype) / 4) * 4;
    return new Storage(this, this.gpu.pool.take(Math.max(4, bytes), this.where(`tensor ${show(shape)}`)));
  }
}

export interface EngineOptions extends GpuOptions {
  /** See {@link Engine.precision}; f32 by default. */
  precision?: StoreType;
  /** See {@link Engine.checkpointing}; off by default. */
  checkpointing?: boolean;
}

/**
 * Opens the adapter and makes an engine on it.
 * @throws AdapterError where precision f16 is asked for and the adapter cannot store f16.
 */
export async function createEngine(
  platform: Platform,
  { precision = 'f32', checkpointing, ...options }: EngineOptions = {},
): Promise<Engine> {
  const gpu = await createGpu(platform, options);
  try {
    if (precision === 'f16') requireF16(gpu.device);
    const { maxWorkgroupSize } = gpu.device.facts;
    if (maxWorkgroupSize < 64)
      throw new GpuError(`${gpu.device.name}: workgroups of ${maxWorkgroupSize}, 64 are needed`);
  } catch (error) {
    await gpu.close();
    throw error;
  }
  return new Engine(gpu, { precision, checkpointing });
}
