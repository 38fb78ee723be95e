import { lineChart } from './line_chart.ts';
import { html, type Markup } from './markup.ts';
import type { ReportData } from './report_data.ts';

/** Loss, learning rate and evaluations over the steps. */
export function curves({ history, step }: ReportData): Markup {
  const { losses, evaluations } = history;
  const loss = (name: string, tone: string, key: 'loss' | 'focal' | 'dice') => ({
    name,
    tone,
    points: losses.map((record) => [record.step, record[key]] as const),
  });
  const score = (name: string, tone: string, key: 'hiou' | 'seen' | 'unseen') => ({
    name,
    tone,
    points: evaluations.flatMap(({ step, eval: found }) =>
      found[key] === null ? [] : [[step, found[key]] as const],
    ),
  });
  return html`<div class="charts">
${lineChart({
  title: 'Loss, logarithmic',
  scale: 'log',
  lastStep: step,
  format: (loss) => `${Number(loss.toPrecision(3))}`,
  series: [loss('total', 'seen', 'loss'), loss('focal', 'other', 'focal'), loss('dice', 'unseen', 'dice')],
})}
${lineChart({
  title: 'mIoU on the validation split, percent',
  scale: 'linear',
  lastStep: step,
  format: (share) => `${Number(share.toFixed(1))}`,
  series: [score('seen', 'seen', 'seen'), score('unseen', 'unseen', 'unseen'), score('hIoU', 'both', 'hiou')],
})}
${lineChart({
  title: 'Learning rate of the head',
  scale: 'linear',
  lastStep: step,
  format: (rate) => (rate === 0 ? '0' : rate.toExponential(1)),
  series: [{ name: 'learning rate', tone: 'seen', points: losses.map(({ step, lr }) => [step, lr]) }],
})}
</div>`;
}

/** Every setting of the run. */
export function settings({ config }: ReportData): Markup {
  const groups = Object.entries(config).map(([name, entry]) =>
    isGroup(entry) ? { name, entries: flat(entry) } : { name: 'run', entries: [[name, entry] as const] },
  );
  const names = [...new Set(groups.map(({ name }) => name))];
  return html`<div class="settings">${names.map(
    (title) =>
      html`<div><h3>${title}</h3><dl>${groups
        .filter(({ name }) => name === title)
        .flatMap(({ entries }) => entries)
        .map(([key, entry]) => html`<dt>${key}</dt><dd>${shown(entry)}</dd>`)}</dl></div>`,
  )}</div>`;
}

function isGroup(entry: unknown): entry is Record<string, unknown> {
  return typeof entry === 'object' && entry !== null && !Array.isArray(entry);
}

function flat(group: Record<string, unknown>, prefix = ''): (readonly [string, unknown])[] {
  return Object.entries(group).flatMap(([key, entry]) =>
    isGroup(entry) ? flat(entry, `${prefix}${key}.`) : [[`${prefix}${key}`, entry] as const],
  );
}

function shown(entry: unknown): string {
  return typeof entry === 'string' ? entry : JSON.stringify(entry);
}
