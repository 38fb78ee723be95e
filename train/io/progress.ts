import type { RunConfig } from '../config/config.ts';

/** Throughput since it was last asked for. */
export interface Throughput {
  imagesPerSecond: number;
  /** Share of the time that the GPU waited for data, 0..1. */
  dataWait: number;
  /** At this speed. */
  secondsLeft: number;
}

/** Counts steps between two reports. */
export interface ThroughputMeter {
  /** One step is done: its images, and the seconds it waited for them. */
  step(images: number, waitSeconds: number): void;
  /** The throughput since the last call or `restart`, with so many steps still to go. */
  take(stepsLeft: number): Throughput;
  /** Starts anew, after something else took its time (an evaluation, a checkpoint). */
  restart(): void;
}

/** @param now the time in seconds. */
export function throughputMeter(now: () => number = () => performance.now() / 1000): ThroughputMeter {
  let [start, steps, images, waited] = [now(), 0, 0, 0];
  const restart = () => {
    [start, steps, images, waited] = [now(), 0, 0, 0];
  };
  return {
    restart,
    step(stepImages, waitSeconds) {
      steps += 1;
      images += stepImages;
      waited += waitSeconds;
    },
    take(stepsLeft) {
      const seconds = Math.max(now() - start, 1e-9);
      const result = {
        imagesPerSecond: images / seconds,
        dataWait: Math.min(waited / seconds, 1),
        secondsLeft: steps === 0 ? 0 : (seconds / steps) * stepsLeft,
      };
      restart();
      return result;
    },
  };
}

/** The speed as a line of `log.jsonl` holds it, rounded. */
export function speedRecord({ imagesPerSecond, dataWait }: Throughput): Omit<Throughput, 'secondsLeft'> {
  return { imagesPerSecond: Number(imagesPerSecond.toFixed(2)), dataWait: Number(dataWait.toFixed(4)) };
}

/** What the progress line and a line of `log.jsonl` tell about a step. */
export interface StepReport extends Throughput {
  step: number;
  maxIters: number;
  /** The loss and its terms by name. */
  losses: Record<string, number>;
  learningRate: number;
  /** Live bytes on the GPU. */
  gpuBytes: number;
}

/** One line: step, losses, learning rate, speed, memory, share of waiting, time left. */
export function formatStep(report: StepReport): string {
  const { step, maxIters, losses, learningRate, imagesPerSecond, gpuBytes, dataWait, secondsLeft } = report;
  const terms = Object.entries(losses).map(([name, value]) => `${name} ${value.toPrecision(4)}`);
  return [
    `step ${String(step).padStart(String(maxIters).length)}/${maxIters}`,
    ...terms,
    `lr ${learningRate.toExponential(2)}`,
    `${imagesPerSecond.toFixed(1)} images/s`,
    `GPU ${formatBytes(gpuBytes)}`,
    `data wait ${Math.round(dataWait * 100)}%`,
    `ETA ${formatDuration(secondsLeft)}`,
  ].join('  ');
}

/** What a run is going to do, in one line. */
export function formatPlan({ schedule, train }: RunConfig, images: { train: number; val: number }): string {
  const { batch, accumulation } = train;
  return [
    `batch ${batch} x accumulation ${accumulation} = ${batch * accumulation} images a step`,
    `${schedule.maxIters} steps, warm-up ${schedule.warmupIters}`,
    `${images.train} images to train on, ${images.val} to evaluate on`,
  ].join('; ');
}

/** Where progress goes; `process.stdout` is one. */
export interface ProgressStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** Shows progress: on a terminal one line that is rewritten, elsewhere a line for each report. */
export interface Progress {
  report(report: StepReport): void;
  /** A line that stays, above the progress line. */
  note(text: string): void;
  /** Leaves the last progress line standing. */
  finish(): void;
}

const eraseLine = '\r\x1b[K';

export function showProgress(stream: ProgressStream): Progress {
  let live = '';
  const draw = () => stream.write(eraseLine + live.slice(0, Math.max((stream.columns ?? 80) - 1, 1)));
  return {
    report(report) {
      if (!stream.isTTY) {
        stream.write(`${formatStep(report)}\n`);
        return;
      }
      live = formatStep(report);
      draw();
    },
    note(text) {
      stream.write(`${live === '' ? '' : eraseLine}${text}\n`);
      if (live !== '') draw();
    },
    finish() {
      if (live !== '') stream.write('\n');
      live = '';
    },
  };
}

/** `12 s`, `3:07` or `2:03:07`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** Bytes in binary units: `512 B`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}
