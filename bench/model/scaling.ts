import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { createEngine } from '../../engine/create.ts';
import { ensureAdapter } from '../../engine/doctor/ensure.ts';
import type { Engine } from '../../engine/engine.ts';
import { median } from '../../engine/gpu/measure.ts';
import { measurePeakOf } from '../../engine/gpu/peak.ts';
import { writeFileAtomic } from '../../engine/host/atomic_file.ts';
import { writeJson } from '../../engine/host/json_file.ts';
import { digits } from '../../engine/host/table.ts';
import { resultsFile } from '../results_file.ts';
import { LAYERS, parseScaling } from './scaling_options.ts';
import { scalingPlot } from './scaling_plot.ts';
import { configAt, fullSweep, pointsOf, quickSweep, type Sizes } from './scaling_points.ts';
import {
  lawsOf,
  type ScalingPoint,
  type ScalingResult,
  scalingMarkdown,
  scalingText,
} from './scaling_report.ts';
import type { ModelBenchOptions } from './step.ts';
import { openCascade } from './training.ts';

/** A point is sampled at least so often, and up to the most while it is quick. */
const LEAST_SAMPLES = 2;
const MOST_SAMPLES = 7;
const ENOUGH_MS = 4000;
/** Blocks of the tower that a software adapter gets through within ten minutes. */
const LAYERS_IN_SOFTWARE = 4;

/**
 * `npm run bench -- --scaling`.
 * @param argv without node and script.
 */
export async function runScaling(argv: string[], options: ModelBenchOptions): Promise<number> {
  const request = parseScaling(argv);
  const { platform, machine, say } = options;
  const { adapter, quick } = request;
  await ensureAdapter({ adapter, platform });
  const { cpu, cores, load: loadBefore } = machine();
  const sweep = quick ? quickSweep : fullSweep;
  const peak = await measurePeakOf(platform, adapter);
  const open = (): Promise<Engine> => createEngine(platform, { adapter, profile: false });
  const { name, key, software } = await nameOf(open);
  const layers = request.layers ?? (software ? LAYERS_IN_SOFTWARE : LAYERS);
  say(
    `${name}, ${cpu}, ${cores} cores, load ${loadBefore.toFixed(1)}; the image tower has ${layers} blocks\n`,
  );

  const points: ScalingPoint[] = [];
  for (const sizes of pointsOf(sweep)) {
    const point = await measurePoint(open, sizes, layers);
    const { tokens, batch, classes } = sizes;
    say(`${tokens} tokens, batch ${batch}, ${classes} classes: ${digits(point.stepMs)} ms`);
    points.push(point);
  }
  const result: ScalingResult = {
    adapter: name,
    cpu,
    cores,
    node: process.version,
    peak,
    loadBefore,
    loadAfter: machine().load,
    layers,
    sweep,
    points,
    laws: lawsOf(points, sweep),
  };
  say(`\n${scalingText(result)}`);
  if (request.json) {
    const standard = resultsFile('scaling', { key, software }, cpu);
    await write(request.json === true ? standard : request.json, result, say);
  }
  return 0;
}

async function nameOf(
  open: () => Promise<Engine>,
): Promise<{ name: string; key: string; software: boolean }> {
  const engine = await open();
  const { name, key, facts } = engine.gpu.device;
  await engine.close();
  return { name, key, software: facts.software };
}

async function measurePoint(
  open: () => Promise<Engine>,
  sizes: Sizes,
  layers: number,
): Promise<ScalingPoint> {
  const engine = await open();
  try {
    const { classes } = sizes;
    const training = openCascade(engine, configAt(sizes, layers), { seen: classes, all: classes });
    const run = async (): Promise<number> => {
      const start = performance.now();
      await training.step();
      await engine.settle();
      return performance.now() - start;
    };
    await engine.settle();
    engine.gpu.pool.resetPeak();
    const { live } = engine.gpu.pool.snapshot();
    await run();
    const { peak: peakBytes } = engine.gpu.pool.snapshot();
    const samples: number[] = [];
    const end = performance.now() + ENOUGH_MS;
    while (samples.length < LEAST_SAMPLES || (samples.length < MOST_SAMPLES && performance.now() < end)) {
      samples.push(await run());
    }
    return {
      sizes,
      stepMs: median(samples),
      samples: samples.length,
      peakBytes,
      stepBytes: peakBytes - live,
    };
  } finally {
    await engine.close();
  }
}

async function write(file: string, result: ScalingResult, say: (text: string) => void): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const [table, plot] = ['.md', '.svg'].map((ending) => file.replace(/\.json$/, ending));
  await writeJson(file, result);
  await writeFileAtomic(table, scalingMarkdown(result, basename(plot)));
  await writeFileAtomic(plot, scalingPlot(result));
  say(`\nwritten: ${file}, ${table} and ${plot}`);
}
