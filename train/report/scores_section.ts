import type { ConfusionMatrix, ScoreReport } from '../evaluation/metrics.ts';
import { unseenMeaning } from '../evaluation/table.ts';
import { type HeatLabel, heatMap } from './heat_map.ts';
import { html, type Markup, value } from './markup.ts';
import type { ReportData } from './report_data.ts';

/** The numbers that a run is judged by. */
export function summary({ evaluation, info }: ReportData): Markup {
  const { withBackground } = evaluation;
  const tile = (title: string, tone: string, key: 'hiou' | 'seen' | 'unseen' | 'pixelAccuracy'): Markup =>
    html`<div class="tile ${tone}"><dt>${title}</dt><dd>${value(evaluation[key])} <small>%</small></dd>${
      withBackground && html`<dd class="sub">${value(withBackground[key])} % with background</dd>`
    }</div>`;
  return html`<dl class="tiles">
${tile('hIoU', 'both', 'hiou')}
${tile(`mIoU seen (${info.seen.length} classes)`, 'seen', 'seen')}
${tile(`mIoU unseen (${info.novel.length} classes)`, 'unseen', 'unseen')}
${tile('pixel accuracy', '', 'pixelAccuracy')}</dl>`;
}

/** Intersection over union of every class, seen ones first, the best first. */
export function classBars({ evaluation, config }: ReportData): Markup {
  const { classes, withBackground } = evaluation;
  const other = new Map(withBackground?.classes.map(({ name, iou }) => [name, iou]));
  const row = ({ name, unseen, iou }: ScoreReport['classes'][number]): Markup =>
    html`<tr><th scope="row">${unseen ? html`<span class="unseen-name">${name} *</span>` : name}</th>
<td>${track(iou, unseen)}</td><td class="number">${value(iou)}</td>${
      withBackground &&
      html`<td>${track(other.get(name) ?? null, unseen)}</td><td class="number">${value(other.get(name) ?? null)}</td>`
    }</tr>`;
  const group = (title: string, mean: number | null, meanOther: number | null, unseen: boolean): Markup =>
    html`<tr class="group"><th scope="rowgroup" colspan="2">${title}</th><td class="number">${value(mean)}</td>${
      withBackground && html`<td></td><td class="number">${value(meanOther)}</td>`
    }</tr>
${classes
  .filter((entry) => entry.unseen === unseen)
  .sort((a, b) => (b.iou ?? -1) - (a.iou ?? -1))
  .map(row)}`;
  return html`<p class="lead">* ${unseenMeaning(config.train.mode)}</p>
<div class="scroll"><table class="ious"><thead><tr><th scope="col">class</th><th scope="col">background ignored</th><th scope="col" class="number">IoU %</th>${
    withBackground &&
    html`<th scope="col">with background as a class</th><th scope="col" class="number">IoU %</th>`
  }</tr></thead><tbody>
${group('Seen', evaluation.seen, withBackground?.seen ?? null, false)}
${group('Unseen *', evaluation.unseen, withBackground?.unseen ?? null, true)}
</tbody></table></div>`;
}

function track(iou: number | null, unseen: boolean): Markup {
  return html`<span class="track" aria-hidden="true">${
    iou === null ? null : html`<i class="${unseen ? 'unseen' : 'seen'}" style="width:${iou.toFixed(2)}%"></i>`
  }</span>`;
}

/** Where the pixels of each class went. */
export function confusions({ confusion, confusionWithBackground, info }: ReportData): Markup {
  const labels = info.classes.map((name, id) => ({ name, unseen: info.novel.includes(id) }));
  const all = [{ name: 'background', unseen: false }, ...labels];
  return html`<p class="lead">Each row is a true class; a cell is the share of its pixels that were predicted as the class of the column.</p>
<div class="beside"><div class="scroll">${matrixOf(confusion, labels, 'Confusion matrix, background ignored')}</div>
${commonMistakes(confusion, labels)}</div>
${
  confusionWithBackground &&
  html`<details><summary>The same with background as a class</summary><div class="scroll">${matrixOf(confusionWithBackground, all, 'Confusion matrix with background')}</div></details>`
}`;
}

function matrixOf({ classes, counts }: ConfusionMatrix, labels: readonly HeatLabel[], label: string): Markup {
  const totals = labels.map((_, row) =>
    counts.subarray(row * classes, (row + 1) * classes).reduce((a, b) => a + b, 0),
  );
  const share = (row: number, column: number): number => counts[row * classes + column]! / totals[row]!;
  const percent = (row: number, column: number): number => Math.round(share(row, column) * 100);
  const roomy = classes <= 40;
  const map = {
    label: `${label}: ${labels.length} true classes in rows, predicted ones in columns`,
    rows: labels,
    columns: labels,
    share,
    text: (row: number, column: number) =>
      roomy && percent(row, column) >= 1 ? `${percent(row, column)}` : null,
    hint: (row: number, column: number) =>
      `${labels[row]!.name} predicted as ${labels[column]!.name}: ${counts[row * classes + column]} pixels, ${(share(row, column) * 100).toFixed(1)} %`,
    axes: { rows: 'truth', columns: 'prediction, percent of the true pixels' },
  };
  return heatMap(map, roomy ? 30 : 11);
}

/** The mistakes that most pixels suffered from. */
function commonMistakes({ classes, counts }: ConfusionMatrix, labels: readonly HeatLabel[]): Markup {
  const wrong = [...counts]
    .map((count, index) => ({ count, row: Math.floor(index / classes), column: index % classes }))
    .filter(({ count, row, column }) => count > 0 && row !== column)
    .sort((a, b) => b.count - a.count);
  const total = wrong.reduce((sum, { count }) => sum + count, 0);
  const name = ({ name, unseen }: HeatLabel): string => (unseen ? `${name} *` : name);
  return html`<aside><h3>Most frequent mistakes</h3>
<ol>${wrong
    .slice(0, 12)
    .map(
      ({ count, row, column }) =>
        html`<li>${name(labels[row]!)} taken for ${name(labels[column]!)} <small>${((count / total) * 100).toFixed(1)} %</small></li>`,
    )}</ol><p class="note">Share of all wrong pixels.</p></aside>`;
}
