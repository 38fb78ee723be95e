import { createEngine } from '../../engine/create.ts';
import { ensureAdapter } from '../../engine/doctor/ensure.ts';
import { kernelTable, sizesTable } from '../../engine/gpu/kernel_times.ts';
import { measurePeakOf, type Peak, peakLine } from '../../engine/gpu/peak.ts';
import type { Platform } from '../../engine/gpu/platform.ts';
import type { KernelShares } from '../../engine/gpu/profiler.ts';
import { writeJson } from '../../engine/host/json_file.ts';
import { checkOutputFile } from '../../engine/host/output_file.ts';
import { digits, formatTable } from '../../engine/host/table.ts';
import type { StoreType } from '../../kernels/kernel.ts';
import { embeddedPreset, fullPreset } from '../../train/config/presets.ts';
import { datasetInfo } from '../../train/data/datasets/info.ts';
import { formatBytes } from '../../train/io/progress.ts';
import { parseStep, type StepPreset } from './step_options.ts';
import { type StepTimes, timeForward, timeKernels, timeSteps } from './step_time.ts';
import { openCascade, openMiniature, type Training } from './training.ts';

/** What the host tells about itself. */
export interface Machine {
  cpu: string;
  cores: number;
  /** Load average of the last minute; above the number of cores the times are those of a busy machine. */
  load: number;
  /** Largest resident set of this process so far, in bytes. */
  peakRss: number;
}

export interface ModelBenchOptions {
  platform: Platform;
  machine(): Machine;
  /** Receives the results. */
  say(text: string): void;
}

/** What `--json` writes; times in milliseconds. */
export interface StepResult extends StepTimes {
  preset: StepPreset;
  checkpointing: boolean;
  precision: StoreType;
  adapter: string;
  machine: Machine & { node: string };
  images: number;
  imagesPerSecond: number;
  /** Inference on one image of the same size, all classes scored; null for the miniature. */
  forwardMs: number | null;
  /** Opening device and kernels, then making and uploading the parameters. */
  engineMs: number;
  storeMs: number;
  /** Of the adapter, measured just before. */
  peak: Peak;
  /** With `--kernels`: where the time of a step goes; each dispatch includes the hand-over of its own pass. */
  shares: KernelShares | null;
}

/**
 * `npm run bench -- --step`.
 * @param argv without node and script.
 */
export async function runStep(
  argv: string[],
  { platform, machine, say }: ModelBenchOptions,
): Promise<number> {
  const { preset, steps, kernels, checkpointing, precision, json, adapter } = parseStep(argv);
  if (json) checkOutputFile(json, '--json');
  const { load } = machine();
  await ensureAdapter({ adapter, platform });
  const peak = await measurePeakOf(platform, adapter, kernels ? '--kernels' : null);
  const begin = performance.now();
  const engine = await createEngine(platform, { adapter, checkpointing, precision, profile: true });
  const engineMs = performance.now() - begin;
  try {
    const training = openPreset(preset, engine);
    const times = await timeSteps(engine, training, steps);
    const shares = kernels ? await timeKernels(engine, training, peak) : null;
    const forwardMs = await timeForward(engine, training);
    const result: StepResult = {
      preset,
      checkpointing,
      precision,
      adapter: engine.gpu.device.name,
      machine: { ...machine(), load, node: process.version },
      images: training.images,
      imagesPerSecond: (1000 * training.images) / times.stepMs,
      forwardMs,
      engineMs,
      storeMs: training.storeMs,
      ...times,
      peak,
      shares,
    };
    say(stepText(result));
    if (json) await writeJson(json, result);
    return 0;
  } finally {
    await engine.close();
  }
}

function openPreset(preset: StepPreset, engine: Parameters<typeof openCascade>[0]): Training {
  if (preset === 'miniature') return openMiniature(engine);
  if (preset === 'embedded') return openCascade(engine, embeddedPreset(), classesOf('voc20'));
  const config = fullPreset(preset);
  const single = { ...config, train: { ...config.train, batch: 1, accumulation: 1 } };
  return openCascade(engine, single, classesOf(preset));
}

function classesOf(dataset: Parameters<typeof datasetInfo>[0]): { seen: number; all: number } {
  const { seen, classes } = datasetInfo(dataset);
  return { seen: seen.length, all: classes.length };
}

/** The results as lines. */
export function stepText(result: StepResult): string {
  const { preset, adapter, machine, images, imagesPerSecond, stepMs, hostMs, gpuMs } = result;
  const share = (ms: number): string => `${digits(ms)} ms, ${((100 * ms) / stepMs).toFixed(1)}% of a step`;
  const busy = machine.load > machine.cores ? ' (busy: times may be too long)' : '';
  const rows = [
    ['step', `${digits(stepMs)} ms, median of ${result.steps} steps`],
    ['throughput', `${digits(imagesPerSecond)} images/s (${images} a step)`],
    ['GPU at work', gpuMs === null ? 'unknown: the adapter has no timestamps' : share(gpuMs)],
    ['host', share(hostMs)],
    ...(result.forwardMs === null ? [] : [['inference', `${digits(result.forwardMs)} ms an image`]]),
    ['a step', `${result.dispatches} dispatches, ${digits(result.submits)} submits`],
    ['GPU memory', `${formatBytes(result.peakBytes)} at most`],
    ['process memory', `${formatBytes(machine.peakRss)} at most`],
    [
      'start-up',
      `device ${digits(result.engineMs)} ms, parameters ${digits(result.storeMs)} ms, first step ${digits(result.firstMs)} ms`,
    ],
  ];
  const stored = result.precision === 'f16' ? ', stored in f16' : '';
  const recomputed = result.checkpointing ? ', activations recomputed' : '';
  return `${peakLine(adapter, result.peak)}
${preset}${stored}${recomputed}, ${machine.cpu}, ${machine.cores} cores, load ${machine.load.toFixed(1)}${busy}\n\n${formatTable(rows, ['left', 'left'])}${sharesText(result.shares)}`;
}

function sharesText(shares: KernelShares | null): string {
  if (!shares) return '';
  return `\n\nKernels of a step, each dispatch timed in a pass of its own\n\n${kernelTable(shares.kernels)}\n\n${sizesTable(shares.shapes)}`;
}
