import { formatBytes } from '../../train/io/progress.ts';
import { logTicks } from '../../train/report/line_chart.ts';
import { type Axis, along, axes } from './scaling_points.ts';
import { costNames, costs, type ScalingResult } from './scaling_report.ts';

const PANEL = { width: 290, height: 210 };
const MARGIN = { left: 62, right: 14, top: 34, bottom: 38 };
const STYLE = `text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600 }
.grid { stroke: #e2e2e2 } .law { stroke: #0b62a4; stroke-width: 1.5; stroke-dasharray: 5 4 } circle { fill: #0b62a4 }`;

/** A row for each cost, a column for each axis: points, and the fitted law as a dashed line; both scales logarithmic. */
export function scalingPlot(result: ScalingResult): string {
  const panels = costs.flatMap((cost, row) =>
    axes.map((axis, column) => {
      const at = `translate(${column * PANEL.width} ${row * PANEL.height})`;
      return `<g transform="${at}">${panel(result, axis, cost)}</g>`;
    }),
  );
  const [width, height] = [axes.length * PANEL.width, costs.length * PANEL.height];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>Step time and GPU memory against tokens, batch and classes, on ${escapeText(result.adapter)}</title>
<style>${STYLE}</style>
<rect width="${width}" height="${height}" fill="#fff"/>
${panels.join('\n')}
</svg>
`;
}

function panel(result: ScalingResult, axis: Axis, cost: (typeof costs)[number]): string {
  const points = along(result.points, axis, result.sweep).map(
    (point) => [point.sizes[axis], point[cost]] as const,
  );
  const law = result.laws[axis][cost];
  const sizes = points.map(([size]) => size);
  const ticks = powerTicks(
    points.map(([, value]) => value),
    cost !== 'stepMs',
  );
  const scale = (low: number, high: number, from: number, to: number) => (value: number) =>
    Number((from + (Math.log(value / low) / Math.log(high / low)) * (to - from)).toFixed(1));
  const [right, bottom] = [PANEL.width - MARGIN.right, PANEL.height - MARGIN.bottom];
  const x = scale(sizes[0], sizes.at(-1)!, MARGIN.left + 14, right - 14);
  const y = scale(ticks[0], ticks.at(-1)!, bottom, MARGIN.top);
  const named = (value: number): string => (cost === 'stepMs' ? secondsText(value) : formatBytes(value));
  const [first, last] = [sizes[0], sizes.at(-1)!].map((size) => [
    x(size),
    y(law.factor * size ** law.exponent),
  ]);
  const title = `${costNames[cost]} ~ ${axis}^${law.exponent.toFixed(2)}`;
  return [
    `<text class="title" x="${MARGIN.left}" y="20">${title}</text>`,
    ...ticks.map(
      (tick) =>
        `<line class="grid" x1="${MARGIN.left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}"/><text x="${MARGIN.left - 6}" y="${y(tick) + 4}" text-anchor="end">${named(tick)}</text>`,
    ),
    ...sizes.map((size) => `<text x="${x(size)}" y="${bottom + 18}" text-anchor="middle">${size}</text>`),
    `<line class="law" x1="${first[0]}" y1="${first[1]}" x2="${last[0]}" y2="${last[1]}"/>`,
    ...points.map(
      ([size, value]) =>
        `<circle cx="${x(size)}" cy="${y(value)}" r="4"><title>${axis} ${size}: ${named(value)}</title></circle>`,
    ),
  ].join('\n');
}

/** Round values around those given; of bytes, powers of two. */
function powerTicks(values: readonly number[], binary: boolean): number[] {
  if (!binary) return logTicks([...values]);
  const from = Math.floor(Math.log2(Math.min(...values)));
  const to = Math.max(from + 1, Math.ceil(Math.log2(Math.max(...values))));
  return Array.from({ length: to - from + 1 }, (_, i) => 2 ** (from + i));
}

function secondsText(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

function escapeText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
