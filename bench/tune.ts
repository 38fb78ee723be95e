import type { Choice, TileTable } from '../engine/gpu/tiles.ts';
import { shapeClass } from '../engine/gpu/tuner.ts';
import { tileText } from './report.ts';
import type { Row } from './row.ts';
import type { Job } from './select.ts';

/** A default is left only for something clearly faster: smaller differences are noise. */
const GAIN = 1.03;

/** What is best at one size. */
export interface Winner {
  choice: Choice;
  /** How many times as fast as the default; null where the default is wrong. */
  gain: number | null;
}

/**
 * The fastest right choice of a job by its fastest run, which other load on the machine disturbs least; undefined
 * where none is right.
 * @param rows in the order of the job's choices.
 */
export function findWinner(job: Job, rows: readonly Row[], tiles: TileTable): Winner | undefined {
  const right = job.choices
    .map((choice, i) => ({ choice, ms: rows[i].ok ? (rows[i].minMs ?? Infinity) : Infinity }))
    .filter(({ ms }) => ms < Infinity)
    .sort((a, b) => a.ms - b.ms);
  if (right.length === 0) return undefined;
  const byDefault = tiles.defaultOf(job.kernel);
  const standard = right.find(({ choice }) => isSame(choice, byDefault));
  if (!standard) return { choice: right[0].choice, gain: null };
  const gain = standard.ms / right[0].ms;
  return gain < GAIN ? { choice: standard.choice, gain: 1 } : { choice: right[0].choice, gain };
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
