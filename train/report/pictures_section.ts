import { html, type Markup, value } from './markup.ts';
import { longestSide, scaleColours } from './picture.ts';
import type {
  ExamplePictures,
  LegendEntry,
  MapPanel,
  Panel,
  ReportData,
  SimilarityMaps,
} from './report_data.ts';

/** Image | truth | prediction of the first images and of the worst ones. */
export function examples({ first, worst, evaluation }: ReportData): Markup {
  const background = evaluation.withBackground
    ? ' The third picture shows what the metric counts, pixels of objects only; in the fourth every pixel may also be background.'
    : '';
  return html`<p class="lead">Classes in their palette colours over the image; pale where no class is, or none counts.${background}</p>
<h3>The first images of the split, not chosen</h3><div class="examples">${first.map(example)}</div>
<h3>The worst failures: lowest mean IoU, more wrong pixels first</h3><div class="examples">${worst.map(example)}</div>`;
}

function example({ name, score, width, height, panels, legend }: ExamplePictures): Markup {
  return html`<figure class="example"><figcaption>${name}<small>mean IoU ${value(score)} %</small></figcaption>
<div class="panels${grain(width, height)}">${panels.map((panel) => html`<div>${image(panel, width, height)}${panel.title}</div>`)}</div>
<p class="legend">${legend.map(legendEntry)}</p></figure>`;
}

function legendEntry({ name, unseen, colour, role }: LegendEntry): Markup {
  const where = { both: '', truth: ' (missed)', prediction: ' (wrong)' }[role];
  return html`<span><i style="background:${colour}"></i>${unseen ? html`<span class="unseen-name">${name} *</span>` : name}${where}</span>`;
}

function image({ uri, alt }: Panel, width: number, height: number): Markup {
  return html`<img src="${uri}" alt="${alt}" width="${width}" height="${height}" loading="lazy">`;
}

/** Small images are enlarged with their pixels visible. */
function grain(width: number, height: number): string {
  return Math.max(width, height) < longestSide ? ' fine' : '';
}

/** The paper's Figures 1 and 6. */
export function similarities({ similarity }: ReportData): Markup {
  const ramp = html`<span class="ramp" style="background:linear-gradient(90deg,${scaleColours.join(',')})"></span>`;
  return html`<p class="lead">Each map runs from its own least ${ramp} to its own greatest value, which stand below it.
<em>CLIP · text</em>: cosine of the last block's patch features and the text embedding of the class, with the prompts as they started and as they were learnt.
<em>Decoders</em>: the mask logits that each stage adds. <em>Blocks</em>: cosine of the marked patch with all others, in the tapped features of each block after training.</p>
${similarity.map(similar)}`;
}

function similar({ name, width, height, image: picture, classes, patch }: SimilarityMaps): Markup {
  const share = (part: number): string => `${(part * 100).toFixed(3)}%`;
  const box = `left:${share(patch.left)};top:${share(patch.top)};width:${share(patch.width)};height:${share(patch.height)}`;
  const columns = 1 + Math.max(patch.maps.length, ...classes.map(({ maps }) => maps.length));
  return html`<figure class="similar" style="--columns:${columns}"><figcaption>${name}</figcaption>
${classes.map(
  (entry) =>
    html`<div class="maps${grain(width, height)}"><h4>Patch–text: ${entry.unseen ? html`<span class="unseen-name">${entry.name} *</span>` : entry.name}</h4>
<div>${image(picture, width, height)}image</div>${entry.maps.map((map) => mapOf(map, width, height))}</div>`,
)}
<div class="maps${grain(width, height)}"><h4>Patch–patch: a patch of ${patch.className}</h4>
<div><div class="marked">${image(picture, width, height)}<b style="${box}"></b></div>the marked patch</div>${patch.maps.map((map) => mapOf(map, width, height))}</div></figure>`;
}

function mapOf(map: MapPanel, width: number, height: number): Markup {
  return html`<div>${image(map, width, height)}${map.title}<br>${map.low.toFixed(2)} … ${map.high.toFixed(2)}</div>`;
}
