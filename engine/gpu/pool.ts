import { OutOfMemoryError } from '../errors.ts';
import type { Device } from './device.ts';

/** A GPU buffer on loan from the pool. `id` names it in bind-group keys. */
export interface Memory {
  readonly id: number;
  readonly buffer: GPUBuffer;
  /** Where it begins in the buffer, in bytes: 0, unless it is a part of a loan. */
  readonly offset: number;
  /** Its bytes, at least what was asked for. */
  readonly capacity: number;
}

/** Every buffer is a multiple of so many bytes: what a kernel reads in whole vec4s exists to the last of them. */
const LEAST = 256;

export interface PoolStats {
  /** Bytes on loan. */
  live: number;
  /** Largest `live` since {@link Pool.resetPeak}. */
  peak: number;
  /** Bytes of all buffers, on loan or free. */
  reserved: number;
  /** Buffers created since the start; constant in steady state. */
  created: number;
}

/**
 * Buffers by size class, reused as soon as they come back: recording order is execution order, so a later
 * dispatch may overwrite what an earlier one has read. Of several free buffers the one with the lowest id is
 * lent, so that the same sequence of loans gets the same buffers every step and cached bind groups fit again.
 */
export class Pool {
  private readonly device: Device;
  private readonly free = new Map<number, Memory[]>();
  /** Ids of buffers that the device could not make, which is known a while after they were lent. */
  private readonly failed = new Set<number>();
  private trace: Set<Memory> | null = null;
  private readonly stats: PoolStats = { live: 0, peak: 0, reserved: 0, created: 0 };

  constructor(device: Device) {
    this.device = device;
  }

  /** @param bytes wanted; @param what named in the error when the adapter cannot give so much. */
  take(bytes: number, what: string): Memory {
    const most = Math.floor(this.device.maxBindingBytes / LEAST) * LEAST;
    if (bytes > most) {
      throw new OutOfMemoryError(`${what} needs ${bytes} bytes; ${this.device.name} binds ${most} at most`);
    }
    const capacity = Math.min(sizeClass(bytes), most);
    const memory = this.free.get(capacity)?.pop() ?? this.create(capacity, what);
    this.trace?.add(memory);
    this.stats.live += capacity;
    this.stats.peak = Math.max(this.stats.peak, this.stats.live);
    return memory;
  }

  give(memory: Memory): void {
    this.stats.live -= memory.capacity;
    if (this.failed.has(memory.id)) {
      this.stats.reserved -= memory.capacity;
      return;
    }
    let list = this.free.get(memory.capacity);
    if (!list) {
      list = [];
      this.free.set(memory.capacity, list);
    }
    // sorted by falling id, so that pop() yields the lowest
    let at = list.length;
    while (at > 0 && list[at - 1].id < memory.id) at--;
    list.splice(at, 0, memory);
  }

  /**
   * Destroys the free buffers once they are more than were ever lent at one time, as after images of many sizes.
   * To be called with nothing recorded that is not submitted.
   * @returns the ids of those that are gone.
   */
  trim(): Set<number> {
    const gone = new Set<number>();
    if (this.stats.reserved <= this.stats.live + this.stats.peak) return gone;
    for (const { id, buffer, capacity } of [...this.free.values()].flat()) {
      buffer.destroy();
      gone.add(id);
      this.stats.reserved -= capacity;
    }
    this.free.clear();
    return gone;
  }

  /** Notes every buffer lent until {@link endTrace}. */
  beginTrace(): void {
    this.trace = new Set();
  }

  /** The buffers lent since {@link beginTrace} that have come back; they are lent again to nobody but the caller. */
  endTrace(): Memory[] {
    const traced = this.trace ?? new Set();
    this.trace = null;
    const kept: Memory[] = [];
    for (const [capacity, list] of this.free) {
      kept.push(...list.filter((memory) => traced.has(memory)));
      this.free.set(
        capacity,
        list.filter((memory) => !traced.has(memory)),
      );
    }
    this.stats.live += kept.reduce((sum, { capacity }) => sum + capacity, 0);
    return kept;
  }

  snapshot(): Readonly<PoolStats> {
    return { ...this.stats };
  }

  resetPeak(): void {
    this.stats.peak = this.stats.live;
  }

  private create(capacity: number, what: string): Memory {
    const id = this.stats.created++;
    this.stats.reserved += capacity;
    const { gpu } = this.device;
    gpu.pushErrorScope('validation');
    gpu.pushErrorScope('out-of-memory');
    const buffer = gpu.createBuffer({
      label: `pool ${id}`,
      size: capacity,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    for (const scope of [gpu.popErrorScope(), gpu.popErrorScope()]) {
      const known = scope.then((error) => {
        if (error) this.drop(id, capacity);
        return error;
      });
      this.device.watch(known, (message) => `${what}, ${capacity} bytes: ${message}`);
    }
    return { id, buffer, offset: 0, capacity };
  }

  /** Sees to it that a buffer that could not be made is lent to nobody any more. */
  private drop(id: number, capacity: number): void {
    this.failed.add(id);
    const list = this.free.get(capacity);
    const at = list?.findIndex((memory) => memory.id === id) ?? -1;
    if (!list || at < 0) return;
    list.splice(at, 1);
    this.stats.reserved -= capacity;
  }
}

/** Rounds up to a quarter of a power of two: at most 25% is wasted and few classes exist. */
function sizeClass(bytes: number): number {
  if (bytes <= LEAST) return LEAST;
  const step = Math.max(LEAST, 2 ** (Math.ceil(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}
