import { type Column, digits, formatRow } from '../../engine/host/table.ts';
import type { AnyKernel, Variant } from '../../kernels/kernel.ts';
import type { Row } from './row.ts';
import type { Job } from './select.ts';
import { tileText } from './tile_text.ts';

/** A median so many times the fastest run tells of other load on the machine. */
const UNSTEADY = 1.3;

/** The table of the bench, line by line: its columns fit what the jobs will give, so rows print as they end. */
export class Report {
  private readonly titles: string[];
  private readonly columns: Column[];
  private readonly told = new Set<string>();

  constructor(jobs: readonly Job[]) {
    const tiles = jobs.flatMap(({ choices }) => choices.map((c) => tileText(c.variant.name, c.tile)));
    const names = {
      kernel: jobs.map(({ kernel }) => kernel.name),
      case: jobs.map(({ caseName }) => caseName),
      variant: tiles,
    };
    const figures = {
      error: 8,
      allowed: 7,
      ms: 7,
      'GFLOP/s': 7,
      'GB/s': 6,
      'of peak': 12,
      'first ms': 8,
    };
    this.titles = [...Object.keys(names), ...Object.keys(figures)];
    this.columns = [
      ...Object.entries(names).map(
        ([title, cells]): Column => ({
          width: Math.max(title.length, ...cells.map(({ length }) => length)),
          alignment: 'left',
        }),
      ),
      ...Object.values(figures).map((width): Column => ({ width, alignment: 'right' })),
    ];
  }

  header(): string {
    return formatRow(this.titles, this.columns);
  }

  /** A row; what is wrong with it follows indented, at full length the first time only. */
  row(row: Row): string {
    const { variant, ...tile } = row.tile;
    const state = row.ok
      ? `${isUnsteady(row) ? '~' : ''}${digits(row.ms)}`
      : row.allowedError === null
        ? 'FAILED'
        : 'WRONG';
    const line = formatRow(
      [
        row.kernel,
        row.case,
        tileText(variant, tile as Record<string, number>),
        errorText(row),
        row.allowedError === null ? '-' : row.allowedError === 0 ? 'exact' : power(row.allowedError),
        state,
        digits(row.gflops),
        digits(row.gbps),
        row.share === null ? '-' : `${(100 * row.share).toFixed(0)}% ${row.bound}`,
        row.firstMs === null ? '-' : row.firstMs.toFixed(0),
      ],
      this.columns,
    );
    if (row.problem === null) return line;
    const lines = row.problem.split('\n');
    const shown = this.told.has(row.problem) && lines.length > 1 ? [`${lines[0]} (see above)`] : lines;
    this.told.add(row.problem);
    return [line, ...shown.map((text) => `  ${text}`)].join('\n');
  }
}

export function summary(rows: readonly Row[]): string {
  const bad = rows.filter(({ ok }) => !ok);
  const failed = bad.length === 0 ? 'all right' : `${bad.length} wrong`;
  return `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}, ${failed}`;
}

/**
 * Which shaders of the kernels were not run, so that nobody takes a row for the judgement of another file.
 * @param fitting the variants of a kernel that fit the adapter.
 */
export function notRun(jobs: readonly Job[], fitting: (kernel: AnyKernel) => readonly Variant[]): string[] {
  const kernels = [...new Set(jobs.map(({ kernel }) => kernel))];
  return kernels.flatMap((kernel) => {
    const ran = jobs.filter((job) => job.kernel === kernel).flatMap(({ choices }) => choices);
    const files = new Set(ran.map(({ variant }) => variant.source.href));
    return fitting(kernel)
      .filter(({ source }) => !files.has(source.href))
      .map(({ name, source }) => `${kernel.name} ${name} (${source.pathname.split('/').at(-1)})`);
  });
}

/** One row a line, so that files compare well. */
export function rowsJson(rows: readonly Row[]): string {
  return `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;
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
