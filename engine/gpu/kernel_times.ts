import { digits, formatTable } from '../host/table.ts';

/** How much a dispatch computes and moves. */
export interface Cost {
  flops: number;
  bytes: number;
}

/** What the dispatches of one kernel took together. */
export interface KernelTime extends Cost {
  kernel: string;
  count: number;
  ms: number;
  /** Milliseconds that the adapter's peak would allow; null where no peak was measured. */
  idealMs: number | null;
}

/** Adds up timed dispatches by name. */
export class KernelTimes {
  private readonly totals = new Map<string, KernelTime>();
  private readonly ideal: ((cost: Cost) => number) | null;

  /** @param ideal milliseconds that a dispatch of this cost takes at the adapter's peak. */
  constructor(ideal: ((cost: Cost) => number) | null = null) {
    this.ideal = ideal;
  }

  add(kernel: string, ms: number, { flops, bytes }: Cost): void {
    let total = this.totals.get(kernel);
    if (!total) {
      total = { kernel, count: 0, ms: 0, flops: 0, bytes: 0, idealMs: this.ideal && 0 };
      this.totals.set(kernel, total);
    }
    total.count++;
    total.ms += ms;
    total.flops += flops;
    total.bytes += bytes;
    if (this.ideal) total.idealMs! += this.ideal({ flops, bytes });
  }

  /** Slowest first. */
  list(): KernelTime[] {
    return [...this.totals.values()].sort((a, b) => b.ms - a.ms);
  }
}

/** Sizes that {@link sizesTable} lists. */
const SIZES = 25;

/** The slowest of the times by kernel and size, with a title that says how many they are. */
export function sizesTable(shapes: readonly KernelTime[]): string {
  const more = shapes.length > SIZES ? `, the ${SIZES} slowest of ${shapes.length}` : '';
  return `Kernels by size${more}\n\n${kernelTable(shapes.slice(0, SIZES), shapes)}`;
}

/**
 * Count, milliseconds, share of all, speed, and share of the roofline where a peak is known.
 * @param times the rows.
 * @param whole what they are shares of, and the last row adds up.
 */
export function kernelTable(times: readonly KernelTime[], whole = times): string {
  const sum = (of: (time: KernelTime) => number): number =>
    whole.reduce((total, time) => total + of(time), 0);
  const total: KernelTime = {
    kernel: 'all',
    count: sum(({ count }) => count),
    ms: sum(({ ms }) => ms),
    flops: sum(({ flops }) => flops),
    bytes: sum(({ bytes }) => bytes),
    idealMs: whole.some(({ idealMs }) => idealMs !== null) ? sum(({ idealMs }) => idealMs ?? 0) : null,
  };
  const percent = (part: number, ms: number): string => (ms > 0 ? `${((100 * part) / ms).toFixed(1)}%` : '-');
  const rate = (amount: number, ms: number): string => (ms > 0 ? digits(amount / ms / 1e6) : '-');
  const rows = [...times, total].map(({ kernel, count, ms, flops, bytes, idealMs }) => [
    kernel,
    `${count}`,
    ms.toFixed(2),
    percent(ms, total.ms),
    rate(flops, ms),
    rate(bytes, ms),
    ...(idealMs === null ? [] : [percent(idealMs, ms)]),
  ]);
  const titles = ['kernel', 'count', 'ms', 'share', 'GFLOP/s', 'GB/s', 'roofline'];
  const header = titles.slice(0, rows[0].length);
  return formatTable(
    [header, ...rows],
    header.map((_, i) => (i === 0 ? 'left' : 'right')),
  );
}
