import { type Command, type Dispatch, dispatchOn, transferOn } from './commands.ts';
import type { Device } from './device.ts';
import { politely } from './wait.ts';

const QUERIES = 4096;

export interface KernelTime {
  kernel: string;
  count: number;
  ms: number;
  flops: number;
  bytes: number;
}

/**
 * Times every dispatch with timestamp queries, each in a pass of its own. Slower than an ordinary step by the
 * hand-over between passes; lavapipe quantises timestamps to 65.5 us, so trust sums, not single dispatches.
 */
export class Profiler {
  private readonly device: Device;
  private readonly totals = new Map<string, KernelTime>();
  private readonly readings: Promise<void>[] = [];
  private batches: { commands: Dispatch[]; staging: GPUBuffer }[] = [];

  constructor(device: Device) {
    this.device = device;
  }

  encode(encoder: GPUCommandEncoder, commands: readonly Command[]): void {
    const { gpu } = this.device;
    let batch: Dispatch[] = [];
    let set: GPUQuerySet | null = null;
    const close = (): void => {
      if (set === null) return;
      const bytes = batch.length * 16;
      const resolved = gpu.createBuffer({
        size: bytes,
        usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
      });
      const staging = gpu.createBuffer({
        size: bytes,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
      encoder.resolveQuerySet(set, 0, batch.length * 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes);
      this.batches.push({ commands: batch, staging });
      batch = [];
      set = null;
    };
    for (const command of commands) {
      if (command.kind !== 'dispatch') {
        transferOn(encoder, command);
        continue;
      }
      set ??= gpu.createQuerySet({ type: 'timestamp', count: QUERIES });
      const first = batch.length * 2;
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet: set, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 },
      });
      dispatchOn(pass, command);
      pass.end();
      batch.push(command);
      if (batch.length * 2 === QUERIES) close();
    }
    close();
  }

  /** Starts reading the timestamps of what was just submitted. */
  collect(): void {
    for (const { commands, staging } of this.batches) {
      const reading = staging.mapAsync(GPUMapMode.READ).then(() => {
        const stamps = new BigUint64Array(staging.getMappedRange());
        commands.forEach((command, i) => {
          this.add(command, Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6);
        });
        staging.destroy();
      });
      this.readings.push(reading);
    }
    this.batches = [];
  }

  /** Totals by kernel since the start, slowest first. */
  async report(): Promise<KernelTime[]> {
    await politely(Promise.all(this.readings));
    return [...this.totals.values()].sort((a, b) => b.ms - a.ms);
  }

  private add(command: Dispatch, ms: number): void {
    const name = command.pipeline.kernel.name;
    const total = this.totals.get(name) ?? { kernel: name, count: 0, ms: 0, flops: 0, bytes: 0 };
    total.count++;
    total.ms += ms;
    total.flops += command.flops;
    total.bytes += command.bytes;
    this.totals.set(name, total);
  }
}

/** Kernel times as an aligned table: count, ms, share, GFLOP/s, GB/s. */
export function profileTable(times: readonly KernelTime[]): string {
  const total = times.reduce((sum, { ms }) => sum + ms, 0);
  const rate = (amount: number, ms: number): string => (ms > 0 ? (amount / ms / 1e6).toFixed(1) : '-');
  const rows = [
    ['kernel', 'count', 'ms', 'share', 'GFLOP/s', 'GB/s'],
    ...times.map(({ kernel, count, ms, flops, bytes }) => [
      kernel,
      `${count}`,
      ms.toFixed(1),
      `${((100 * ms) / Math.max(total, 1e-9)).toFixed(1)}%`,
      rate(flops, ms),
      rate(bytes, ms),
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  return rows.map(line).join('\n');
}
