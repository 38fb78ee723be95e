import { type Alignment, formatTable } from '../../engine/host/table.ts';
import type { EvalReport } from '../evaluation/metrics.ts';

/** What a model of a series is judged by, in percent; null where it is undefined. */
export interface Figures {
  /** Mean IoU of the classes whose masks were trained on. */
  seen: number | null;
  /** Mean IoU of the others. */
  unseen: number | null;
  /** Harmonic mean of the two. */
  hiou: number | null;
  /** The same with background as one more seen class. */
  background: number | null;
}

export type FigureName = keyof Figures;

const figureNames = ['seen', 'unseen', 'hiou', 'background'] as const satisfies FigureName[];

/** The figures of one evaluation. */
export function figuresOf({ seen, unseen, hiou, withBackground }: EvalReport): Figures {
  return { seen, unseen, hiou, background: withBackground?.hiou ?? null };
}

/** A figure over the seeds. */
export interface Summary {
  /** null where a seed has no such figure, or there is no seed. */
  mean: number | null;
  /** Standard deviation of a sample (divided by n - 1); null for less than two seeds. */
  spread: number | null;
}

/** Mean and spread of a figure over the seeds. */
export function summarise(values: readonly (number | null)[]): Summary {
  const known = values.filter((value) => value !== null);
  if (known.length === 0 || known.length < values.length) return { mean: null, spread: null };
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, spread: known.length < 2 ? null : Math.sqrt(squares / (known.length - 1)) };
}

/** One line of a table: a kind of model with the figures of each seed. */
export interface Row {
  key: string;
  title: string;
  figures: Figures[];
}

/** The summary of one figure of a row. */
export function summaryOf(row: Row, name: FigureName): Summary {
  return summarise(row.figures.map((figures) => figures[name]));
}

/** `38.3 +- 0.5`, `38.3` for one seed, `-` where undefined. */
export function formatSummary({ mean, spread }: Summary): string {
  if (mean === null) return '-';
  return spread === null ? mean.toFixed(1) : `${mean.toFixed(1)} +- ${spread.toFixed(1)}`;
}

/** The rows as text: mean and spread of every figure. */
export function figureTable(rows: readonly Row[]): string {
  const header = ['mean +- spread over seeds, %', 'seeds', 'seen', 'unseen', 'hIoU', 'hIoU with background'];
  const lines = rows.map((row) => [
    row.title,
    `${row.figures.length}`,
    ...figureNames.map((name) => formatSummary(summaryOf(row, name))),
  ]);
  const alignments: Alignment[] = ['left', 'right', 'right', 'right', 'right', 'right'];
  return formatTable([header, ...lines], alignments);
}

/** The rows as a JSON file holds them: the figures of each seed and their summaries. */
export function rowsAsJson(rows: readonly Row[]) {
  return rows.map((row) => ({
    ...row,
    summary: Object.fromEntries(figureNames.map((name) => [name, summaryOf(row, name)])),
  }));
}

/** One evaluation in a line. */
export function figureLine({ seen, unseen, hiou, background }: Figures): string {
  const text = (value: number | null): string => (value === null ? '-' : value.toFixed(1));
  return `seen ${text(seen)}, unseen ${text(unseen)}, hIoU ${text(hiou)}, with background ${text(background)}`;
}
