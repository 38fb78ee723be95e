import { at, html, type Markup } from './markup.ts';

/** A line through (x, y) points. */
export interface Series {
  name: string;
  /** CSS class that colours it: `seen`, `unseen`, `both` or `other`. */
  tone: string;
  points: readonly (readonly [number, number])[];
}

export interface LineChart {
  title: string;
  series: readonly Series[];
  scale: 'linear' | 'log';
  /** The end of the horizontal axis, in steps. */
  lastStep: number;
  format(value: number): string;
}

const width = 360;
const height = 220;
const left = 50;
const right = 14;
const top = 14;
const bottom = 34;

/** Lines over training steps, with a legend; points alone where a line has few of them. A logarithm shows what is above 0. */
export function lineChart(chart: LineChart): Markup {
  const { title, series, scale, lastStep, format } = chart;
  const drawn = series
    .map((one) => ({ ...one, points: one.points.filter(([, y]) => scale !== 'log' || y > 0) }))
    .filter(({ points }) => points.length > 0);
  if (drawn.length === 0) {
    const recorded = series.some(({ points }) => points.length > 0);
    return html`<p class="note">${title}: nothing ${recorded ? 'above 0 ' : ''}was recorded.</p>`;
  }
  const ys = drawn.flatMap(({ points }) => points.map(([, y]) => y));
  const ticks = scale === 'log' ? logTicks(ys) : linearTicks(Math.min(0, ...ys), Math.max(...ys));
  const map = scale === 'log' ? Math.log10 : (value: number): number => value;
  const low = map(ticks[0]!);
  const high = map(ticks.at(-1)!);
  const x = (step: number): number => left + (step / lastStep) * (width - left - right);
  const y = (value: number): number =>
    top + (1 - (map(value) - low) / (high - low)) * (height - top - bottom);
  const last = drawn.map(({ name, points }) => `${name} ${format(points.at(-1)![1])}`).join(', ');
  return html`<figure class="chart"><figcaption>${title}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title} over steps; at the end ${last}">
${ticks.map(
  (tick) =>
    html`<line class="grid" x1="${left}" x2="${width - right}" y1="${at(y(tick))}" y2="${at(y(tick))}"/><text x="${left - 8}" y="${at(y(tick) + 4)}" text-anchor="end">${format(tick)}</text>`,
)}
${linearTicks(0, lastStep)
  .filter((step) => step <= lastStep)
  .map(
    (step) =>
      html`<text x="${at(x(step))}" y="${height - 12}" text-anchor="middle">${step.toLocaleString('en')}</text>`,
  )}
${drawn.map((one) => lineOf(one, x, y, format))}
</svg>
<p class="legend">${drawn.map(({ name, tone }) => html`<span><i class="line ${tone}"></i>${name}</span>`)}</p></figure>`;
}

function lineOf(
  { name, tone, points }: Series,
  x: (step: number) => number,
  y: (value: number) => number,
  format: (value: number) => string,
): Markup {
  const path = points.map(([step, value]) => `${at(x(step))},${at(y(value))}`).join(' ');
  const dots = points.length > 12 ? points.slice(-1) : points;
  return html`<polyline class="${tone}" points="${path}"/>${dots.map(
    ([step, value]) =>
      html`<circle class="${tone}" cx="${at(x(step))}" cy="${at(y(value))}" r="4"><title>${name}, step ${step}: ${format(value)}</title></circle>`,
  )}`;
}

/** Four to eight round numbers that reach from below `low` to above `high`. */
export function linearTicks(low: number, high: number): number[] {
  const range = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(range / 4));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => range / (power * factor) <= 6)!;
  const first = Math.floor(low / step + 1e-9);
  const count = Math.max(1, Math.ceil(high / step - 1e-9) - first);
  return Array.from({ length: count + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** 1, 2 or 5 times powers of ten around positive values. */
export function logTicks(values: readonly number[]): number[] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  // a decade more at both ends: just below a power of ten the logarithm rounds up to it
  const from = Math.floor(Math.log10(low)) - 1;
  const to = Math.ceil(Math.log10(high)) + 1;
  const all = Array.from({ length: to - from + 1 }, (_, index) =>
    [1, 2, 5].map((factor) => Number((factor * 10 ** (from + index)).toPrecision(1))),
  ).flat();
  const first = all.findLastIndex((tick) => tick <= low);
  const end = all.findIndex((tick) => tick >= high);
  return all.slice(first, Math.max(end, first + 1) + 1);
}
