import type { Dims, StoreType } from '../kernels/kernel.ts';
import { GpuError, ShapeError } from './errors.ts';
import type { Gpu } from './gpu/context.ts';
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

/** The two ways in which models on an engine save memory: narrower storage, and activations computed twice. */
export interface EngineSettings {
  /** See {@link Engine.precision}; f32 by default. */
  precision?: StoreType;
  /** See {@link Engine.checkpointing}; off by default. */
  checkpointing?: boolean;
}

/** Tensors, ownership and differentiation on one GPU device. Made by `createEngine`. */
export class Engine implements TensorHome {
  readonly gpu: Gpu;
  /** How a model stores its activations and frozen weights: see `cast` and `ParameterStore`. */
  readonly precision: StoreType;
  /** Whether `recompute` trades time for memory. */
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

  constructor(gpu: Gpu, { precision = 'f32', checkpointing = false }: EngineSettings = {}) {
    this.gpu = gpu;
    this.precision = precision;
    this.checkpointing = checkpointing;
  }

  /** Uploads values. */
  tensor(values: HostValues | readonly number[], shape: Shape): Tensor {
    const typed = Array.isArray(values) ? Float32Array.from(values) : (values as HostValues);
    const dtype: Dtype = typed instanceof Float32Array ? 'f32' : typed instanceof Uint32Array ? 'u32' : 'i32';
    if (typed.length !== product(shape))
      throw new ShapeError(`${this.where('tensor')}: ${typed.length} values for shape ${show(shape)}`);
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
    let released = false;
    return {
      submit: () => {
        if (released)
          throw new GpuError(
            'a captured list was submitted after its release: its buffers are lent to others',
          );
        recorder.flush();
        recorder.submit(commands);
        device.raise();
      },
      release: () => {
        released = true;
        for (const memory of reserved.splice(0)) pool.give(memory);
      },
    };
  }

  /** Runs `body` in a scope of its own and reads every tensor of the record it returns. */
  async fetch<K extends string>(body: () => Record<K, Tensor>): Promise<Record<K, HostValues>> {
    // views of their own, so that what belongs to somebody else outlives the reading
    const views = this.scope(() =>
      Object.entries<Tensor>(body()).map(([name, tensor]) => [name as K, this.detach(tensor)] as const),
    );
    const values = {} as Record<K, HostValues>;
    try {
      for (const [name, view] of views) values[name] = await view.read();
    } finally {
      for (const [, view] of views) view.dispose();
    }
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

  /** Gives buffers back to the system that the pool hardly uses any more; for work whose sizes vary, between its parts. */
  trim(): void {
    const { recorder, pool } = this.gpu;
    recorder.flush();
    const gone = pool.trim();
    if (gone.size > 0) recorder.forget(gone);
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

  /** Memory of unspecified contents, from the pool. */
  allocate(shape: Shape, dtype: Dtype): Storage {
    const bytes = Math.ceil(bytesOf(shape, dtype) / 4) * 4;
    return new Storage(this, this.gpu.pool.take(Math.max(4, bytes), this.where(`tensor ${show(shape)}`)));
  }
}
