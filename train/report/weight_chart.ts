import { at, html, type Markup, value } from './markup.ts';
import type { StageWeights } from './report_data.ts';

const bar = 34;
const group = 2 * bar + 30;
const plot = 150;
const top = 22;
const bottom = 26;

/** A stage's weights, block by block: the Gaussian that they started from beside what was learnt. */
export function weightChart({ blocks, weights }: StageWeights, stage: number): Markup {
  const title = `Stage ${stage + 1}: ${blocks.length > 1 ? 'blocks' : 'block'} ${blocks.join(', ')}`;
  if (weights === null) {
    const why = blocks.length === 1 ? 'One block: its features are used as they are.' : 'Not a weighted sum.';
    return html`<figure class="chart small"><figcaption>${title}</figcaption><p class="note">${why}</p></figure>`;
  }
  const { before, after } = weights;
  const low = Math.min(0, ...before, ...after);
  const high = Math.max(0, ...before, ...after);
  const y = (weight: number): number => top + ((high - weight) / (high - low || 1)) * plot;
  const width = blocks.length * group + 10;
  const height = top + plot + bottom;
  const column = (weight: number, x: number, tone: string, what: string): Markup => {
    const from = Math.min(y(weight), y(0));
    const labelAt = weight < 0 ? y(weight) + 14 : y(weight) - 6;
    return html`<g><title>${what}: ${weight}</title><rect class="bar ${tone}" x="${at(x)}" y="${at(from)}" width="${bar}" height="${at(Math.max(1, Math.abs(y(weight) - y(0))))}" rx="2"/><text x="${at(x + bar / 2)}" y="${at(labelAt)}" text-anchor="middle">${weight.toFixed(2)}</text></g>`;
  };
  const said = blocks.map((block, i) => `block ${block} ${before[i]!.toFixed(3)} to ${after[i]!.toFixed(3)}`);
  return html`<figure class="chart small"><figcaption>${title}</figcaption>
<svg viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img" aria-label="${title}, weights from start to end: ${said.join(', ')}">
${blocks.map((block, i) => {
  const x = 10 + i * group;
  return html`${column(before[i]!, x, 'start', `block ${block}, start`)}${column(after[i]!, x + bar + 2, 'both', `block ${block}, learnt`)}<text x="${x + bar + 1}" y="${height - 8}" text-anchor="middle">block ${block}</text>`;
})}
<line class="base" x1="0" x2="${width}" y1="${at(y(0))}" y2="${at(y(0))}"/></svg>
<p class="note">Change: ${blocks.map((block, i) => html`${i > 0 ? ' · ' : ''}block ${block} ${after[i]! < before[i]! ? '' : '+'}${value(after[i]! - before[i]!, 3)}`)}</p></figure>`;
}
