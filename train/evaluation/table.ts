import { type Alignment, formatTable } from '../../engine/host/table.ts';
import type { TrainingMode } from '../config/config.ts';
import type { EvalReport, ScoreReport } from './metrics.ts';

/** What the mark of the unseen classes says, which depends on how the run trained. */
export function unseenMeaning(mode: TrainingMode): string {
  return {
    inductive: 'Unseen: training showed no mask of these classes.',
    transductive: 'Unseen: training showed no mask of these classes, but their names and images.',
    supervised: 'Unseen in the zero-shot setting; this run trained on masks of all classes.',
  }[mode];
}

/**
 * IoU of every class, unseen ones marked with *, and the summary; in percent, - where undefined.
 * @param mode of the training.
 */
export function evaluationTable(report: EvalReport, mode: TrainingMode): string {
  const marked = report.classes.some(({ unseen }) => unseen);
  const note = marked ? [`* ${unseenMeaning(mode)}`, ''] : [''];
  return [classTable(report), ...note, summaryTable(report)].join('\n');
}

/** The mIoUs of an evaluation in one line; - and the reason where one is undefined. */
export function evaluationLine({ seen, unseen, hiou }: ScoreReport): string {
  const absent = Object.entries({ seen, unseen }).flatMap(([name, value]) => (value === null ? [name] : []));
  const reason = absent.length === 0 ? '' : ` (no ${absent.join(' and no ')} class to score)`;
  return `mIoU seen ${decimal(seen)}, unseen ${decimal(unseen)}, hIoU ${decimal(hiou)}${reason}`;
}

/** The classes down the lines, in two columns, in three from 31 classes on. */
function classTable({ classes }: ScoreReport): string {
  const columns = classes.length > 30 ? 3 : 2;
  const height = Math.ceil(classes.length / columns);
  const header = Array.from({ length: columns }, () => ['class', 'IoU %', '']).flat();
  const rows = Array.from({ length: height }, (_, row) =>
    Array.from({ length: columns }, (_, column) => {
      const entry = classes[column * height + row];
      return entry ? [`${entry.name}${entry.unseen ? ' *' : ''}`, decimal(entry.iou), ''] : ['', '', ''];
    }).flat(),
  );
  const alignments = Array.from({ length: columns }, (): Alignment[] => ['left', 'right', 'left']).flat();
  return formatTable([header, ...rows], alignments);
}

function summaryTable(report: EvalReport): string {
  const row = (title: string, of: ScoreReport) => [
    title,
    ...[of.seen, of.unseen, of.hiou, of.mean, of.pixelAccuracy].map(decimal),
  ];
  const rows = [
    ['mIoU %', 'seen', 'unseen', 'hIoU', 'all', 'pixel accuracy'],
    row(`${report.classes.length} classes`, report),
    ...(report.withBackground ? [row('with background', report.withBackground)] : []),
  ];
  return formatTable(rows, ['left', 'right', 'right', 'right', 'right', 'right']);
}

function decimal(value: number | null): string {
  return value === null ? '-' : value.toFixed(1);
}
