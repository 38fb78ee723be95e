import type { StoreType } from '../kernels/kernel.ts';
import { ShapeError } from './errors.ts';
import type { Memory } from './gpu/pool.ts';
import { fromF16ToFloat32, fromFloat32ToF16 } from './half.ts';
import { bytesOf, type Dtype, product, type Shape, show } from './shape.ts';

/** What a tensor needs of its engine; keeps this file free of the engine itself. */
export interface TensorHome {
  /** Called when the last holder lets go. */
  reclaim(memory: Memory): void;
  readMemory(memory: Memory, bytes: number): Promise<ArrayBuffer>;
  writeMemory(memory: Memory, data: ArrayBufferView<ArrayBuffer>): void;
  nextId(): number;
}

/** Memory with its number of holders: scopes, the tape, parameters, parts of it. */
export class Storage {
  readonly home: TensorHome;
  private held: Memory | null;
  /** What this is a part of. */
  private whole: Storage | null = null;
  private holders = 0;

  constructor(home: TensorHome, memory: Memory) {
    this.home = home;
    this.held = memory;
  }

  /** `capacity` bytes from `offset` on, which keep the whole alive. */
  part(offset: number, capacity: number): Storage {
    const { memory } = this;
    const part = new Storage(this.home, { ...memory, offset: memory.offset + offset, capacity });
    part.whole = this;
    this.hold();
    return part;
  }

  /** Becomes such a part of `whole` itself and gives back the memory it had; the values stay behind. */
  moveInto(whole: Storage, offset: number, capacity: number): void {
    const { held, whole: owner } = whole.part(offset, capacity);
    this.giveBack();
    this.held = held;
    this.whole = owner;
  }

  get memory(): Memory {
    if (this.held === null)
      throw new ShapeError('a tensor was used after its scope ended; return it from the scope');
    return this.held;
  }

  get isPart(): boolean {
    return this.whole !== null;
  }

  hold(): void {
    this.holders++;
  }

  release(): void {
    this.holders--;
    if (this.holders > 0 || this.held === null) return;
    this.giveBack();
    this.held = null;
  }

  private giveBack(): void {
    if (this.whole) this.whole.release();
    else if (this.held) this.home.reclaim(this.held);
  }
}

export type HostValues = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** A dense row-major array on the GPU. Belongs to the scope it was made in. */
export class Tensor {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: Dtype;
  readonly storage: Storage;
  /** Whether a gradient can flow through it to a trainable parameter. */
  readonly requiresGrad: boolean;

  constructor(storage: Storage, shape: Shape, dtype: Dtype, requiresGrad = false) {
    this.id = storage.home.nextId();
    this.storage = storage;
    this.shape = shape;
    this.dtype = dtype;
    this.requiresGrad = requiresGrad;
  }

  get size(): number {
    return product(this.shape);
  }

  /** Copies the values to the host, f16 as f32. Submits recorded work and waits for it. */
  async read(): Promise<HostValues> {
    const raw = await this.storage.home.readMemory(this.storage.memory, bytesOf(this.shape, this.dtype));
    if (this.dtype === 'f16') return fromF16ToFloat32(new Uint16Array(raw));
    if (this.dtype === 'u32') return new Uint32Array(raw);
    if (this.dtype === 'i32') return new Int32Array(raw);
    return new Float32Array(raw);
  }

  /** {@link read}, for one number. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new ShapeError(`item() wants one element, the tensor is ${show(this.shape)}`);
    return (await this.read())[0];
  }

  /** Overwrites the values, in recording order. f16 takes f32 values and rounds them. */
  write(values: HostValues): void {
    if (values.length !== this.size) {
      throw new ShapeError(`write of ${values.length} values into a tensor ${show(this.shape)}`);
    }
    const stored = this.dtype === 'f16' ? fromFloat32ToF16(values as Float32Array) : values;
    if (stored.byteLength % 4 !== 0 && this.storage.isPart)
      throw new ShapeError(
        `write of ${values.length} f16 values into a part: writes are of 4 bytes at least`,
      );
    this.storage.home.writeMemory(this.storage.memory, stored);
  }

  /** Lets go of a tensor that belongs to no scope. Scoped tensors need no call. */
  dispose(): void {
    this.storage.release();
  }
}

/** A named tensor that outlives every scope: a weight, frozen or trainable. */
export class Parameter extends Tensor {
  /** The key in checkpoints. */
  readonly name: string;

  constructor(name: string, storage: Storage, shape: Shape, dtype: StoreType, trainable: boolean) {
    super(storage, shape, dtype, trainable);
    this.name = name;
  }

  get trainable(): boolean {
    return this.requiresGrad;
  }
}

/** All tensors in a value made of tensors, arrays, maps and plain objects. */
export function* tensorsIn(value: unknown): Generator<Tensor> {
  if (value instanceof Tensor) yield value;
  else if (Array.isArray(value)) for (const item of value) yield* tensorsIn(item);
  else if (value instanceof Map) for (const item of value.values()) yield* tensorsIn(item);
  else if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) yield* tensorsIn(item);
  }
}
