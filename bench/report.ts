import type { Peak } from './peak.ts';
import type { Row } from './row.ts';
import { describeTile, type Job } from './select.ts';

/** A median so many times the fastest run tells of other load on the machine. */
const UNSTEADY = 1.3;

interface Column {
  title: string;
  width: number;
  right: boolean;
}

/** The table of the bench, line by line: its columns fit what the jobs will give, so rows print as they end. */
export class Report {
  private readonly columns: Column[];
  private readonly told = new Set<string>();

  constructor(jobs: readonly Job[]) {
    const left = (title: string, cells: readonly string[]): Column => ({
      title,
      width: Math.max(title.length, ...cells.map((cell) => cell.length)),
      right: false,
    });
    const right = (title: string, width: number): Column => ({ title, width, right: true });
    const tiles = jobs.flatMap(({ choices }) => choices.map((c) => tileText(c.variant.name, c.tile)));
    this.columns = [
      left(
        'kernel',
        jobs.map(({ kernel }) => kernel.name),
      ),
      left(
        'case',
        jobs.map(({ caseName }) => caseName),
      ),
      left('variant', tiles),
      right('error', 8),
      right('allowed', 7),
      right('ms', 7),
      right('GFLOP/s', 7),
      right('GB/s', 6),
      right('of peak', 12),
      right('first ms', 8),
    ];
  }

  header(): string {
    return this.line(this.columns.map(({ title }) => title));
  }

  /** A row; what is wrong with it follows indented, at full length the first time only. */
  row(row: Row): string {
    const { variant, ...tile } = row.tile;
    const state = row.ok
      ? `${isUnsteady(row) ? '~' : ''}${number(row.ms)}`
      : row.allowedError === null
        ? 'FAILED'
        : 'WRONG';
    const line = this.line([
      row.kernel,
      row.case,
      tileText(variant, tile as Record<string, number>),
      errorText(row),
      row.allowedError === null ? '-' : row.allowedError === 0 ? 'exact' : power(row.allowedError),
      state,
      number(row.gflops),
      number(row.gbps),
      row.share === null ? '-' : `${(100 * row.share).toFixed(0)}% ${row.bound}`,
      row.firstMs === null ? '-' : row.firstMs.toFixed(0),
    ]);
    if (row.problem === null) return line;
    const lines = row.problem.split('\n');
    const shown = this.told.has(row.problem) && lines.length > 1 ? [`${lines[0]} (see above)`] : lines;
    this.told.add(row.problem);
    return [line, ...shown.map((text) => `  ${text}`)].join('\n');
  }

  private line(cells: readonly string[]): string {
    return this.columns
      .map(({ width, right }, i) => (right ? cells[i].padStart(width) : cells[i].padEnd(width)))
      .join('  ')
      .trimEnd();
  }
}

/** What the shares of a run are of. */
export function peakLine(adapter: string, { gflops, copies }: Peak): string {
  const moved = copies.map(({ bytes, gbps }) => `${Math.round(bytes / 2 ** 20)} MiB at ${number(gbps)}`);
  return `${adapter}: at best ${number(gflops)} GFLOP/s; copies move ${moved.join(', ')} GB/s (measured now)`;
}

export function summary(rows: readonly Row[]): string {
  const bad = rows.filter(({ ok }) => !ok);
  const failed = bad.length === 0 ? 'all right' : `${bad.length} wrong`;
  return `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}, ${failed}`;
}

/** One row a line, so that files compare well. */
export function rowsJson(rows: readonly Row[]): string {
  return `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;
}

/** `plain WG=64`. */
export function tileText(variant: string, tile: Readonly<Record<string, number>>): string {
  return `${variant} ${describeTile(tile)}`.trim();
}

function isUnsteady({ ms, minMs }: Row): boolean {
  return (ms ?? 0) > UNSTEADY * (minMs ?? 0);
}

function errorText({ maxError, allowedError }: Row): string {
  if (maxError === null) return allowedError === null ? '-' : 'infinite';
  return maxError === 0 ? '0' : power(maxError);
}

function power(value: number): string {
  return value.toExponential(1);
}

/** Two or three digits. */
function number(value: number | null): string {
  if (value === null) return '-';
  if (value === 0 || value >= 100) return value.toFixed(0);
  if (value < 0.001) return value.toExponential(1);
  return value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toPrecision(2);
}
