import { type Command, type Dispatch, dispatchOn, transferOn } from './commands.ts';
import type { Device } from './device.ts';
import { type Cost, type KernelTime, KernelTimes } from './kernel_times.ts';
import { politely } from './wait.ts';

/** The largest query set of WebGPU. */
const QUERIES = 4096;

/** What is timed: nothing, every run of dispatches between two copies, or every dispatch by itself. */
export type Grain = 'off' | 'passes' | 'dispatches';

/** One submit with its times. */
export interface Timed {
  /** When it was submitted, by `performance.now()`. */
  submitted: number;
  /** What was timed together. */
  groups: readonly (readonly Dispatch[])[];
  /** Begin and end of each group, in nanoseconds of the GPU's clock. */
  stamps: BigUint64Array<ArrayBuffer>;
}

interface Batch {
  groups: Dispatch[][];
  slot: Slot;
}

/** Where a batch of timestamps lands; used again once it was read. */
interface Slot {
  set: GPUQuerySet;
  resolved: GPUBuffer;
  staging: GPUBuffer;
}

/**
 * Times what is submitted with timestamp queries. Whole passes cost next to nothing to time; single dispatches are
 * each put into a pass of their own, which makes a step slower than an ordinary one by the hand-over between passes.
 */
export class Profiler {
  grain: Grain = 'dispatches';
  /** Query sets made so far; constant in steady state. */
  slotsCreated = 0;
  private readonly device: Device;
  private readonly totals = new KernelTimes();
  private readonly readings = new Set<Promise<void>>();
  private readonly free: Slot[] = [];
  private encoded: Batch[] = [];
  private kept: Timed[] | null = null;

  constructor(device: Device) {
    this.device = device;
  }

  encode(encoder: GPUCommandEncoder, commands: readonly Command[]): void {
    let pass: GPUComputePassEncoder | null = null;
    let group: Dispatch[] = [];
    const end = (): void => {
      pass?.end();
      pass = null;
    };
    for (const command of commands) {
      if (command.kind !== 'dispatch') {
        end();
        transferOn(encoder, command);
        continue;
      }
      if (this.grain === 'dispatches') end();
      if (pass === null) {
        group = [];
        pass = encoder.beginComputePass({ timestampWrites: this.writes(group) });
      }
      dispatchOn(pass, command);
      group.push(command);
    }
    end();
    for (const { groups, slot } of this.encoded) {
      encoder.resolveQuerySet(slot.set, 0, groups.length * 2, slot.resolved, 0);
      encoder.copyBufferToBuffer(slot.resolved, 0, slot.staging, 0, groups.length * 16);
    }
  }

  /** Starts reading the timestamps of what was just submitted. */
  collect(): void {
    const submitted = performance.now();
    for (const { groups, slot } of this.encoded.splice(0)) {
      const { staging } = slot;
      const bytes = groups.length * 16;
      const kept = this.kept;
      const reading = staging.mapAsync(GPUMapMode.READ, 0, bytes).then(() => {
        const stamps = new BigUint64Array(staging.getMappedRange(0, bytes).slice(0));
        staging.unmap();
        this.free.push(slot);
        groups.forEach((group, i) => {
          if (group.length > 1) return;
          this.totals.add(group[0].pipeline.kernel.name, durationMs(stamps, i), group[0]);
        });
        kept?.push({ submitted, groups, stamps });
        this.readings.delete(reading);
      });
      // a failure is thrown by whoever waits for the readings
      reading.catch(() => {});
      this.readings.add(reading);
    }
  }

  /** Times what is submitted until {@link stop} and keeps it. */
  start(grain: Grain): void {
    this.kept = [];
    this.grain = grain;
  }

  /** What was timed since {@link start}, in the order of submission. */
  async stop(): Promise<Timed[]> {
    this.grain = 'off';
    await politely(Promise.all(this.readings));
    const kept = this.kept ?? [];
    this.kept = null;
    return kept.sort((a, b) => a.submitted - b.submitted);
  }

  /** Totals by kernel of everything that was timed, slowest first. */
  async report(): Promise<KernelTime[]> {
    await politely(Promise.all(this.readings));
    return this.totals.list();
  }

  /** Two queries for a group that is about to begin. */
  private writes(group: Dispatch[]): GPUComputePassTimestampWrites {
    let batch = this.encoded.at(-1);
    if (!batch || batch.groups.length * 2 === QUERIES) {
      batch = { groups: [], slot: this.free.pop() ?? this.makeSlot() };
      this.encoded.push(batch);
    }
    const first = batch.groups.push(group) * 2 - 2;
    return {
      querySet: batch.slot.set,
      beginningOfPassWriteIndex: first,
      endOfPassWriteIndex: first + 1,
    };
  }

  private makeSlot(): Slot {
    const { gpu } = this.device;
    this.slotsCreated++;
    const size = QUERIES * 8;
    return {
      set: gpu.createQuerySet({ type: 'timestamp', count: QUERIES }),
      resolved: gpu.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC }),
      staging: gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
    };
  }
}

/** Where the time of some lists went: by kernel, and by kernel and sizes. */
export interface KernelShares {
  kernels: KernelTime[];
  shapes: KernelTime[];
}

/**
 * Adds up lists whose dispatches were timed one by one.
 * @param ideal milliseconds that a dispatch of this cost takes at the adapter's peak.
 */
export function sharesOf(lists: readonly Timed[], ideal: (cost: Cost) => number): KernelShares {
  const [kernels, shapes] = [new KernelTimes(ideal), new KernelTimes(ideal)];
  for (const { groups, stamps } of lists) {
    groups.forEach(([dispatch], i) => {
      const { name } = dispatch.pipeline.kernel;
      const ms = durationMs(stamps, i);
      kernels.add(name, ms, dispatch);
      shapes.add(`${name} ${sizesText(dispatch.values)}`, ms, dispatch);
    });
  }
  return { kernels: kernels.list(), shapes: shapes.list() };
}

/** `M=1024 N=768`, whole numbers only: what decides a kernel's cost. */
function sizesText(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .filter(([, value]) => Number.isInteger(value))
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

/** Milliseconds of the group at `index`; a clock that was set back between its stamps counts as none. */
export function durationMs(stamps: BigUint64Array, index: number): number {
  return Math.max(0, Number(stamps[2 * index + 1] - stamps[2 * index]) / 1e6);
}

/** Milliseconds of all groups of a submit. */
export function busyMs({ groups, stamps }: Timed): number {
  return groups.reduce((sum, _, i) => sum + durationMs(stamps, i), 0);
}
