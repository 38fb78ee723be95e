import { unseenMeaning } from '../evaluation/table.ts';
import { heatMap } from './heat_map.ts';
import { html, Markup } from './markup.ts';
import { examples, similarities } from './pictures_section.ts';
import type { Alignment, ReportData } from './report_data.ts';
import { classBars, confusions, summary } from './scores_section.ts';
import { style } from './style.ts';
import { curves, settings } from './training_section.ts';
import { weightChart } from './weight_chart.ts';

interface Section {
  id: string;
  title: string;
  body: Markup;
}

/** The page of a run: one HTML file without script and without anything from outside. */
export function renderReport(data: ReportData): string {
  const { config, info, step } = data;
  const title = `${info.title}${config.data.embedded ? ' in icons' : ''}, ${config.train.mode}`;
  const sections: Section[] = [
    { id: 'summary', title: 'Result', body: summary(data) },
    { id: 'classes', title: 'IoU of each class', body: classBars(data) },
    { id: 'examples', title: 'Image, truth, prediction', body: examples(data) },
    { id: 'training', title: 'Training', body: curves(data) },
    { id: 'confusion', title: 'Confusion matrix', body: confusions(data) },
    { id: 'nga', title: 'Weights of the blocks (NGA)', body: stages(data) },
    { id: 'similarity', title: 'Cosine similarity maps', body: similarities(data) },
    { id: 'cka', title: 'Similarity of the layers (linear CKA)', body: alignments(data.alignment) },
    { id: 'settings', title: 'Settings', body: settings(data) },
  ];
  return `<!doctype html>\n${
    html`<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cascade-CLIP: ${title}, step ${step}</title><link rel="icon" href="data:,">
<style>${new Markup(style)}</style></head><body>
<header><h1>Cascade-CLIP on ${title}</h1>
<p class="lead">${describe(data)}</p>
<nav aria-label="Sections">${sections.map(({ id, title: name }) => html`<a href="#${id}">${name}</a>`)}</nav></header>
<main>${sections.map(
      ({ id, title: name, body }) =>
        html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${name}</h2>${body}</section>`,
    )}</main>
<footer>* ${unseenMeaning(config.train.mode)} mIoU: mean intersection over union; hIoU: harmonic mean of seen and unseen mIoU.</footer>
</body></html>`.text
  }\n`;
}

function describe({ config, info, step, adapter }: ReportData): string {
  const { vision } = config.model;
  const data = config.data.embedded
    ? `not ${info.title} itself but its classes drawn with icons, on a miniature CLIP${config.data.clip ? '' : ' whose image tower is random'}`
    : `split ${config.data.valSplit} of ${config.data.root}`;
  return `Step ${step} of ${config.schedule.maxIters}, seed ${config.seed}; ${data}. Image tower: ${vision.layers} blocks of width ${vision.width}, patches of ${vision.patch} px. Adapter: ${adapter}.`;
}

function stages({ aggregation, config }: ReportData): Markup {
  const words = {
    gaussian:
      'Each stage adds up the features of its blocks with weights that start as a Gaussian and are learnt.',
    fixed_gaussian:
      'Each stage adds up the features of its blocks with Gaussian weights that are not learnt.',
    sum: 'Each stage adds up the features of its blocks with weights of 1 that are not learnt.',
    concat:
      'Each stage puts the features of its blocks side by side before a linear layer: there are no weights.',
  }[config.model.aggregation];
  return html`<p class="lead">${words}</p>
<p class="legend"><span><i class="start"></i>at the start</span><span><i class="both"></i>after training</span></p>
<div class="charts">${aggregation.map(weightChart)}</div>`;
}

/** The paper's Figure 4. */
function alignments({ blocks, images, tokens, before, after }: Alignment): Markup {
  const labels = blocks.map((block) => ({ name: `block ${block}`, unseen: false }));
  const map = (title: string, values: number[][]): Markup => {
    const exact = (row: number, column: number): number => values[row]![column]!;
    return html`<figure><figcaption>${title}</figcaption>${heatMap(
      {
        label: `${title}: linear CKA between ${labels.map(({ name }) => name).join(', ')}`,
        rows: labels,
        columns: labels,
        share: exact,
        text: (row, column) => exact(row, column).toFixed(2),
        hint: (row, column) => `blocks ${blocks[row]} and ${blocks[column]}: ${exact(row, column)}`,
        axes: null,
      },
      62,
    )}</figure>`;
  };
  return html`<p class="lead">Linear CKA of the tapped patch features (normalised, projected) over ${tokens} tokens of ${images} images: 1 where two blocks hold the same up to rotation, scale and shift, 0 where they have nothing in common. Before training the prompts are random.</p>
<div class="charts">${map('Before training', before)}${map('After training', after)}</div>`;
}
