import type { Gpu } from './context.ts';

/** One submit should take about this long: the wait is exact to about a millisecond. */
const BATCH_MS = 40;
/** The most dispatches in one submit. */
const MAX_DISPATCHES = 4096;
const MIN_RUNS = 5;
const MAX_RUNS = 31;

/** How long one dispatch takes, from runs of many in one submit; nothing is subtracted. */
export interface Timing {
  /** Median of the runs. */
  ms: number;
  /** Fastest run. */
  minMs: number;
  /** Submits that were timed. */
  runs: number;
  /** Dispatches in each. */
  dispatches: number;
}

/**
 * Times what `record` records once, warm. Recording itself is not timed; encoding, submitting and waiting are.
 * @param budgetMs time to spend, exceeded where {@link MIN_RUNS} runs take longer.
 */
export async function measure(gpu: Gpu, record: () => void, budgetMs: number): Promise<Timing> {
  const run = (dispatches: number): Promise<number> => timeSubmit(gpu, record, dispatches);
  await run(1);
  const end = performance.now() + budgetMs;
  let dispatches = 1;
  for (;;) {
    const ms = await run(dispatches);
    if (ms >= BATCH_MS || dispatches === MAX_DISPATCHES) break;
    // the first looks are all overhead: grow step by step
    dispatches = Math.min(MAX_DISPATCHES, Math.ceil(dispatches * Math.min(10, (1.2 * BATCH_MS) / ms)));
  }
  const samples: number[] = [];
  while (samples.length < MIN_RUNS || (samples.length < MAX_RUNS && performance.now() < end)) {
    samples.push((await run(dispatches)) / dispatches);
  }
  return { ms: median(samples), minMs: Math.min(...samples), runs: samples.length, dispatches };
}

/** Milliseconds from submitting so many dispatches until they are done. */
export async function timeSubmit(gpu: Gpu, record: () => void, dispatches: number): Promise<number> {
  for (let i = 0; i < dispatches; i++) record();
  const start = performance.now();
  gpu.recorder.flush();
  await gpu.device.settle();
  return performance.now() - start;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
