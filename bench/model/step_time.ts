import type { Engine } from '../../engine/engine.ts';
import { median } from '../../engine/gpu/measure.ts';
import { type Peak, rooflineMs } from '../../engine/gpu/peak.ts';
import { busyMs, type KernelShares, sharesOf } from '../../engine/gpu/profiler.ts';
import type { Training } from './training.ts';

/** A sample of small steps is at least so long. */
const SAMPLE_MS = 1000;
/** Small steps are timed for about so long. */
const TOTAL_MS = 8000;
/** The fewest samples with a median to speak of. */
const SAMPLES = 3;

/** What a step costs once everything is compiled; times in milliseconds. */
export interface StepTimes {
  /** The first step: recording, compiling, running. */
  firstMs: number;
  /** Median over the samples. */
  stepMs: number;
  /** Timed steps; each sample is `stepsPerSample` of them, submitted as in training, then waited for. */
  steps: number;
  stepsPerSample: number;
  /** What the host does for a step: uploads, encoding, submitting. */
  hostMs: number;
  /** The GPU at work on the step's passes; null where the adapter has no timestamps. */
  gpuMs: number | null;
  dispatches: number;
  submits: number;
  /** Largest number of bytes on loan from the pool. */
  peakBytes: number;
}

/** Times a training whose step has never run. The engine is to be opened with `profile: true`. */
export async function timeSteps(
  engine: Engine,
  training: Training,
  steps: number | null,
): Promise<StepTimes> {
  const { recorder, pool, profiler } = engine.gpu;
  if (profiler) profiler.grain = 'off';
  await engine.settle();
  pool.resetPeak();
  const recorded = recorder.dispatches;
  const first = await timed(engine, training, 1);
  const dispatches = recorder.dispatches - recorded;
  const { peak: peakBytes } = pool.snapshot();

  const warm = await timed(engine, training, 1);
  const wanted = steps ?? Math.max(SAMPLES, Math.ceil(TOTAL_MS / warm.ms));
  const stepsPerSample = Math.max(1, Math.min(Math.ceil(SAMPLE_MS / warm.ms), Math.floor(wanted / SAMPLES)));
  const samples: Sample[] = [];
  const submits = recorder.submits;
  while (samples.length * stepsPerSample < wanted)
    samples.push(await timed(engine, training, stepsPerSample));
  const counted = samples.length * stepsPerSample;
  return {
    firstMs: first.ms,
    stepMs: median(samples.map(({ ms }) => ms)),
    steps: counted,
    stepsPerSample,
    hostMs: median(samples.map(({ hostMs }) => hostMs)),
    gpuMs: profiler && median(samples.map((sample) => sample.gpuMs)),
    dispatches,
    submits: (recorder.submits - submits) / counted,
    peakBytes,
  };
}

/** Milliseconds of one step; of the host's, those of the first, which finds the GPU idle. */
interface Sample {
  ms: number;
  hostMs: number;
  gpuMs: number;
}

/** Steps from an idle GPU until it is idle again. */
async function timed(engine: Engine, training: Training, steps: number): Promise<Sample> {
  const { profiler } = engine.gpu;
  profiler?.start('passes');
  const start = performance.now();
  await training.step();
  const hostMs = performance.now() - start;
  for (let step = 1; step < steps; step++) await training.step();
  await engine.settle();
  const ms = (performance.now() - start) / steps;
  const lists = (await profiler?.stop()) ?? [];
  const gpuMs = lists.reduce((total, list) => total + busyMs(list), 0) / steps;
  return { ms, hostMs, gpuMs };
}

/** Where the time of one step goes, each dispatch timed by itself. The adapter needs timestamps. */
export async function timeKernels(engine: Engine, training: Training, peak: Peak): Promise<KernelShares> {
  const profiler = engine.gpu.profiler!;
  await engine.settle();
  profiler.start('dispatches');
  await training.step();
  await engine.settle();
  return sharesOf(await profiler.stop(), (cost) => rooflineMs(peak, cost));
}

/** Median milliseconds of inference on one image; null where the training has none. Ends the training. */
export async function timeForward(engine: Engine, training: Training): Promise<number | null> {
  training.release();
  const { forward } = training;
  if (!forward) return null;
  const captured = engine.capture(forward);
  const run = async (): Promise<number> => {
    const start = performance.now();
    captured.submit();
    await engine.settle();
    return performance.now() - start;
  };
  await run();
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) samples.push(await run());
  captured.release();
  return median(samples);
}
