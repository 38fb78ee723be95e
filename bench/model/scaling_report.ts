import type { Peak } from '../../engine/gpu/peak.ts';
import { digits, formatTable, markdownTable } from '../../engine/host/table.ts';
import { formatBytes } from '../../train/io/progress.ts';
import { fitPowerLaw, type PowerLaw } from './scaling_fit.ts';
import { type Axis, along, axes, cropOf, type Sizes, type Sweep } from './scaling_points.ts';

/** One training step at one combination of sizes. */
export interface ScalingPoint {
  sizes: Sizes;
  /** Median over the samples, a step each. */
  stepMs: number;
  samples: number;
  /** Largest number of bytes on loan from the pool. */
  peakBytes: number;
  /** Those that were not there before the first step: activations and gradients. */
  stepBytes: number;
}

/** What `--json` writes. */
export interface ScalingResult {
  adapter: string;
  cpu: string;
  cores: number;
  node: string;
  /** Of the adapter, measured just before. */
  peak: Peak;
  /** Load averages of the last minute. */
  loadBefore: number;
  loadAfter: number;
  /** Blocks of the image tower; the published model has 12. */
  layers: number;
  sweep: Sweep;
  points: ScalingPoint[];
  /** How time and memory grow along each axis. */
  laws: Record<Axis, Laws>;
}

/** What is plotted and fitted. */
export const costs = ['stepMs', 'peakBytes', 'stepBytes'] as const;
type Cost = (typeof costs)[number];
export type Laws = Record<Cost, PowerLaw>;
export const costNames: Record<Cost, string> = {
  stepMs: 'step time',
  peakBytes: 'GPU memory',
  stepBytes: 'of the step alone',
};

export function lawsOf(points: readonly ScalingPoint[], sweep: Sweep): Record<Axis, Laws> {
  const law = (axis: Axis, cost: Cost): PowerLaw =>
    fitPowerLaw(along(points, axis, sweep).map((point) => [point.sizes[axis], point[cost]]));
  const laws = (axis: Axis): Laws => ({
    stepMs: law(axis, 'stepMs'),
    peakBytes: law(axis, 'peakBytes'),
    stepBytes: law(axis, 'stepBytes'),
  });
  return { tokens: laws('tokens'), batch: laws('batch'), classes: laws('classes') };
}

const POINT_TITLES = ['tokens', 'crop', 'batch', 'classes', 'step ms', 'GPU memory', 'of the step alone'];
const LAW_TITLES = ['grows', ...costs.flatMap((cost) => [costNames[cost], 'R^2'])];

function pointCells({ sizes, stepMs, peakBytes, stepBytes }: ScalingPoint): string[] {
  const { tokens, batch, classes } = sizes;
  const counts = [tokens, cropOf(tokens), batch, classes].map(String);
  return [...counts, digits(stepMs), formatBytes(peakBytes), formatBytes(stepBytes)];
}

function lawCells(axis: Axis, laws: Laws): string[] {
  const power = ({ exponent, r2 }: PowerLaw): string[] => [`${axis}^${exponent.toFixed(2)}`, r2.toFixed(3)];
  return [axis, ...costs.flatMap((cost) => power(laws[cost]))];
}

function lawRows(result: ScalingResult): string[][] {
  return axes.map((axis) => lawCells(axis, result.laws[axis]));
}

/** Both tables for the terminal. */
export function scalingText(result: ScalingResult): string {
  const points = formatTable(
    [POINT_TITLES, ...result.points.map(pointCells)],
    POINT_TITLES.map(() => 'right'),
  );
  const laws = formatTable(
    [LAW_TITLES, ...lawRows(result)],
    LAW_TITLES.map((title) => (title === 'R^2' ? 'right' : 'left')),
  );
  return `${points}\n\n${laws}`;
}

/** @param plot name of the plot's file. */
export function scalingMarkdown(result: ScalingResult, plot: string): string {
  const { adapter, cpu, cores, node, layers, peak, loadBefore, loadAfter, points } = result;
  const table = (titles: string[], rows: string[][]): string =>
    markdownTable(
      [titles, ...rows],
      titles.map(() => 'right'),
    );
  const samples = [...new Set(points.map((point) => point.samples))].sort((a, b) => a - b);
  const reduced =
    layers === 12
      ? 'The image tower has its 12 blocks.'
      : `The image tower has ${layers} blocks instead of 12, so decoders and loss weigh more than in the whole model.`;
  return `# How a training step grows, on ${adapter}

${cpu}, ${cores} cores, Node ${node}, at best ${digits(peak.gflops)} GFLOP/s (multiply-adds in registers, measured just before). Load average ${loadBefore.toFixed(1)} before and ${loadAfter.toFixed(1)} after.

Cascade-CLIP on CLIP ViT-B/16, random weights and images, VOC setting. ${reduced} Each point is the median of
${samples.join(' to ')} steps on a device of its own, after a first one that compiles; memory is the most that was on loan from the pool; of the step alone: what was not
there before it, activations and gradients.

${table(POINT_TITLES, points.map(pointCells))}

Fitted by least squares between the logarithms; where one size grows, the others stay at ${result.sweep.base.tokens} tokens,
batch ${result.sweep.base.batch} and ${result.sweep.base.classes} classes.

${table(LAW_TITLES, lawRows(result))}

![Step time and GPU memory against tokens, batch and classes](${plot})
`;
}
