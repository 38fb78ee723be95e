import { formatTable } from '../../engine/host/table.ts';
import { type FigureName, type Row, summaryOf } from './figures.ts';

/** The kinds of models of the table. */
export type ControlKey =
  | 'trained'
  | 'random_tower'
  | 'permuted_text'
  | 'shuffled_masks'
  | 'unseen_style'
  | 'dense_clip';

/** What a figure's mean over the seeds must reach, or stay below. */
export interface Gate {
  row: ControlKey;
  figure: FigureName;
  is: 'at least' | 'at most';
  /** Percent, or a multiple of the same figure of another row. */
  limit: number | { times: number; row: ControlKey };
}

/** What makes the embedded default a zero-shot result: the model works, and every control fails. */
export const gates: readonly Gate[] = [
  { row: 'trained', figure: 'hiou', is: 'at least', limit: 34 },
  { row: 'trained', figure: 'background', is: 'at least', limit: 22 },
  { row: 'trained', figure: 'unseen', is: 'at least', limit: 35 },
  { row: 'trained', figure: 'background', is: 'at least', limit: { times: 2, row: 'dense_clip' } },
  { row: 'random_tower', figure: 'hiou', is: 'at most', limit: 10 },
  { row: 'shuffled_masks', figure: 'hiou', is: 'at most', limit: 10 },
  { row: 'permuted_text', figure: 'hiou', is: 'at most', limit: 10 },
  { row: 'permuted_text', figure: 'unseen', is: 'at most', limit: 3 },
];

/** A gate with what was found; it does not pass where the figure is undefined. */
export interface Judged {
  title: string;
  found: number | null;
  is: Gate['is'];
  limit: number | null;
  /** Where the limit comes from; empty where it is a number of its own. */
  reason: string;
  pass: boolean;
}

const figureTitles: Record<FigureName, string> = {
  seen: 'seen mIoU',
  unseen: 'unseen mIoU',
  hiou: 'hIoU',
  background: 'hIoU with background',
};

/** Judges the means over the seeds. */
export function judge(rows: readonly Row[], wanted: readonly Gate[] = gates): Judged[] {
  const rowOf = (key: ControlKey): Row | undefined => rows.find((row) => row.key === key);
  const meanOf = (key: ControlKey, figure: FigureName): number | null => {
    const row = rowOf(key);
    return row ? summaryOf(row, figure).mean : null;
  };
  return wanted.map(({ row, figure, is, limit: given }) => {
    const found = meanOf(row, figure);
    const compared = typeof given === 'number' ? given : meanOf(given.row, figure);
    const limit = compared !== null && typeof given === 'object' ? given.times * compared : compared;
    const title = `${rowOf(row)?.title ?? row}: ${figureTitles[figure]}`;
    const pass = found !== null && limit !== null && (is === 'at least' ? found >= limit : found <= limit);
    const reason =
      typeof given === 'object' ? `${given.times} x ${rowOf(given.row)?.title ?? given.row}` : '';
    return { title, found, is, limit, reason, pass };
  });
}

/** The gates as text. */
export function gateTable(judged: readonly Judged[]): string {
  const text = (value: number | null): string => (value === null ? '-' : value.toFixed(1));
  const lines = judged.map(({ title, found, is, limit, reason, pass }) => [
    pass ? 'pass' : 'FAIL',
    title,
    text(found),
    `${is} ${text(limit)}${reason === '' ? '' : ` (${reason})`}`,
  ]);
  return formatTable([['gate', '', 'found', 'wanted'], ...lines], ['left', 'left', 'right', 'left']);
}
