import type { Problem } from '../../engine/gpu/check.ts';
import type { Gpu } from '../../engine/gpu/context.ts';
import { median, timeSubmit } from '../../engine/gpu/measure.ts';
import { prepare } from '../../engine/gpu/run.ts';
import type { Choice, TileTable } from '../../engine/gpu/tiles.ts';
import { shapeClass } from '../../engine/gpu/tuner.ts';
import type { Row } from './row.ts';
import type { Job } from './select.ts';
import { tileText } from './tile_text.ts';

/** A default is left only for something clearly faster: smaller differences are noise. */
const GAIN = 1.03;
const ROUNDS = 9;

/** What is best at one size. */
export interface Winner {
  choice: Choice;
  /** How many times as fast as the default; null where the default is wrong. */
  gain: number | null;
}

/** A choice that is right, with its row. */
export interface Contender {
  choice: Choice;
  row: Row;
}

/**
 * The fastest right choice of a job; undefined where none is right. A rival of the default has to win a duel first:
 * the rows were timed one after another, while the load of the machine may have changed.
 * @param rows in the order of the job's choices.
 */
export async function findWinner(
  job: Job,
  rows: readonly Row[],
  tiles: TileTable,
  fight: (rival: Contender, standard: Contender) => Promise<number>,
): Promise<Winner | undefined> {
  const right = job.choices
    .map((choice, i) => ({ choice, row: rows[i] }))
    .filter(({ row }) => row.ok)
    .sort((a, b) => a.row.minMs! - b.row.minMs!);
  const rival = right[0];
  if (!rival) return undefined;
  const byDefault = tiles.defaultOf(job.kernel, job.dims);
  const standard = right.find(({ choice }) => isSame(choice, byDefault));
  if (!standard) return { choice: rival.choice, gain: null };
  const gain = rival === standard ? 1 : await fight(rival, standard);
  return gain < GAIN ? { choice: standard.choice, gain: 1 } : { choice: rival.choice, gain };
}

/** How many times as fast the rival is: the median of rounds in turn, so that other load meets both alike. */
export async function duel(
  gpu: Gpu,
  { kernel, dims, inputs, stores }: Problem,
  rival: Contender,
  standard: Contender,
): Promise<number> {
  const sides = [rival, standard].map(({ choice, row }) => ({
    prepared: prepare(gpu, kernel, choice, dims, inputs, stores),
    dispatches: row.dispatches ?? 1,
  }));
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const times: number[] = [];
    for (const { prepared, dispatches } of sides) {
      times.push((await timeSubmit(gpu, prepared.record, dispatches)) / dispatches);
    }
    ratios.push(times[1] / times[0]);
  }
  for (const { prepared } of sides) prepared.release();
  return median(ratios);
}

/** Where several cases share a class of shapes, the most expensive one decides. */
export function decides(job: Job, jobs: readonly Job[]): boolean {
  const cost = ({ kernel, dims }: Job): number => kernel.cost(dims).flops + kernel.cost(dims).bytes;
  const group = shapeClass(job.kernel, job.dims);
  return jobs.every(
    (other) =>
      other.kernel !== job.kernel ||
      shapeClass(other.kernel, other.dims) !== group ||
      cost(other) <= cost(job),
  );
}

export function winnerLine(winner: Winner | undefined): string {
  if (!winner) return '  nothing kept: no choice is right';
  const { choice, gain } = winner;
  const name = tileText(choice.variant.name, choice.tile);
  if (gain === null) return `  kept ${name}: the default is wrong`;
  return gain === 1 ? `  kept ${name}, the default` : `  kept ${name}, ${gain.toFixed(2)} x the default`;
}

function isSame(a: Choice, b: Choice): boolean {
  const names = Object.keys(a.tile);
  return (
    a.variant === b.variant &&
    names.length === Object.keys(b.tile).length &&
    names.every((name) => a.tile[name] === b.tile[name])
  );
}
