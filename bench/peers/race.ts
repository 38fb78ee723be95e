import { median } from '../../engine/gpu/measure.ts';
import { worstError } from '../../engine/gpu/run.ts';
import type { FirstResult } from './messages.ts';
import { flopsOf, type Work } from './works.ts';

/** One that can be timed. Whatever it throws is the reason why it cannot do the work. */
export interface Racer {
  readonly name: string;
  prepare(work: Work): Promise<FirstResult>;
  /** @returns the milliseconds of so many runs together. */
  run(count: number): Promise<number>;
  release(): Promise<void>;
}

/** What one racer did of one piece of work. Figures are null where there are none. */
export interface PeerRow {
  work: string;
  racer: string;
  /** Median of the timed runs. */
  ms: number | null;
  minMs: number | null;
  /** How many times as long as the first racer of the race. */
  ratio: number | null;
  gflops: number | null;
  /** Largest difference from the float64 truth, relative to the truth's largest value; of the worst output. */
  maxError: number | null;
  /** Uploading, compiling and the first run. */
  firstMs: number | null;
  /** Every timed sample, in order: the time of `batch` runs after one another, of each run. */
  samples: number[];
  batch: number;
  /** Why there are no times. */
  reason: string | null;
  /** What the contender did otherwise than expected. */
  note: string | null;
}

/** A result this far from the truth is another one: float32 stays below 1e-5 in all of the work. */
const WRONG = 1e-4;
/** A sample should take about this long, since a wait is exact to about a millisecond. */
const SAMPLE_MS = 50;
const MAX_BATCH = 200;
const MAX_TRIES = 4;

interface Entrant {
  racer: Racer;
  row: PeerRow;
  running: boolean;
}

/**
 * Lets racers do the same work in turns, A B C A B C, so that what else the machine does hits all alike. Each is
 * checked first; one that fails, then or later, gets no times and stops none of the others.
 * @param runs timed samples of each, after one that is not counted.
 */
export async function race(
  work: Work,
  racers: readonly Racer[],
  truth: Readonly<Record<string, Float64Array>>,
  runs: number,
): Promise<PeerRow[]> {
  const entrants = racers.map((racer) => ({ racer, row: emptyRow(work, racer), running: true }));
  for (const entrant of entrants) await attempt(entrant, () => check(entrant, work, truth));
  await inTurn(entrants, async ({ racer, row }) => {
    row.batch = await findBatch(racer);
  });
  for (let round = 0; round < runs; round++) {
    await inTurn(entrants, async ({ racer, row }) => {
      row.samples.push((await racer.run(row.batch)) / row.batch);
    });
  }
  for (const entrant of entrants) await attempt(entrant, () => entrant.racer.release());
  for (const { row } of entrants) summarise(row, entrants[0].row, work);
  return entrants.map(({ row }) => row);
}

/** How many runs take about {@link SAMPLE_MS}, also the warm-up. Short ones are tried twice: a first run may be slow. */
async function findBatch(racer: Racer): Promise<number> {
  let batch = 1;
  for (let tries = 1; ; tries++) {
    const ms = await racer.run(batch);
    const wanted = Math.max(batch, Math.min(MAX_BATCH, Math.ceil((batch * SAMPLE_MS) / ms)));
    if (ms > 10 * SAMPLE_MS || (tries > 1 && wanted < 2 * batch) || tries === MAX_TRIES) return wanted;
    batch = wanted;
  }
}

async function inTurn(
  entrants: readonly Entrant[],
  body: (entrant: Entrant) => Promise<void>,
): Promise<void> {
  for (const entrant of entrants) if (entrant.running) await attempt(entrant, () => body(entrant));
}

async function attempt(entrant: Entrant, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    entrant.running = false;
    entrant.row.reason ??= (error as Error).message.split('\n')[0];
  }
}

async function check(
  { racer, row }: Entrant,
  work: Work,
  truth: Readonly<Record<string, Float64Array>>,
): Promise<void> {
  const { outputs, firstMs, note } = await racer.prepare(work);
  const errors = Object.entries(truth).map(([name, values]) =>
    worstError(Float64Array.from(outputs[name] ?? []), values),
  );
  const worst = Math.max(...errors);
  row.note = note;
  row.firstMs = firstMs;
  row.maxError = Number.isFinite(worst) ? worst : null;
  if (worst > WRONG) throw new Error(`wrong result, off by ${worst.toExponential(1)} of the largest value`);
}

function emptyRow(work: Work, racer: Racer): PeerRow {
  return {
    work: work.name,
    racer: racer.name,
    ms: null,
    minMs: null,
    ratio: null,
    gflops: null,
    maxError: null,
    firstMs: null,
    samples: [],
    batch: 1,
    reason: null,
    note: null,
  };
}

/** The first racer's row is summarised first, as the ratios of all are to it. */
function summarise(row: PeerRow, first: PeerRow, work: Work): void {
  if (row.reason !== null) return;
  row.ms = median(row.samples);
  row.minMs = Math.min(...row.samples);
  if (first.ms !== null) row.ratio = row.ms / first.ms;
  const flops = flopsOf(work);
  if (flops > 0) row.gflops = flops / row.ms / 1e6;
}
