import type { Captured, Engine } from '../engine/engine.ts';
import { NonFiniteError } from '../engine/errors.ts';
import { countNonFinite, nonFiniteCounter } from '../engine/ops/index.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Timeline } from '../engine/timeline.ts';
import type { Batch } from './data/loader.ts';
import type { AdamW } from './optimizer.ts';
import { learningRate, type Schedule } from './schedule.ts';
import { type MicroBatch, type StepContext, stepGradients, trainingStep } from './step.ts';
import { StepState } from './step_state.ts';

export interface Losses {
  focal: number;
  dice: number;
  total: number;
}

/** The losses of one step. */
export interface StepLosses extends Losses {
  step: number;
}

/** Mean losses of the steps since the last report, and those of each that is still remembered. */
export interface LossReport extends Losses {
  each: StepLosses[];
}

/** A step whose loss was NaN or infinite. Nothing was updated from it on. */
export interface BadStep {
  step: number;
}

interface TrainerOptions {
  context: StepContext;
  optimizer: AdamW;
  schedule: Schedule;
  /** Micro-batches of a step. */
  accumulation: number;
  batch: number;
  crop: number;
  seed: number;
  /** Steps between two reports at most: so many losses are kept on the GPU. */
  history: number;
  /** Learns what the host does when. */
  timeline?: Timeline;
}

/** What the host itself does for a step, as the timeline calls it. */
export const hostPhases = ['upload', 'record', 'encode and submit'] as const;

/**
 * Runs training steps. Every buffer that the host writes is made once, and a step's dispatches are recorded once:
 * from then on a step uploads its images and submits that list, with at most one step in flight.
 */
export class Trainer {
  private readonly options: TrainerOptions;
  private readonly engine: Engine;
  private readonly timeline: Timeline;
  private readonly batches: MicroBatch[];
  private readonly state: StepState;
  private captured: Captured | null = null;

  constructor(options: TrainerOptions, firstStep: number) {
    const { context, accumulation, batch, crop, history } = options;
    const { engine } = context;
    this.options = options;
    this.engine = engine;
    this.timeline = options.timeline ?? new Timeline();
    this.batches = Array.from({ length: accumulation }, () => ({
      image: engine.zeros([batch, 3, crop, crop]),
      labels: engine.zeros([batch, crop, crop], 'u32'),
    }));
    this.state = new StepState(engine, history, firstStep);
  }

  /** Submits one step of the schedule. */
  async step(step: number, data: readonly Batch[]): Promise<void> {
    const { optimizer, schedule } = this.options;
    const { timeline } = this;
    await timeline.run('wait for GPU', () => this.engine.throttle());
    timeline.run('upload', () => {
      this.upload(step, data);
      optimizer.begin((base) => learningRate(step, base, schedule));
    });
    const captured = this.captured ?? timeline.run('record', () => this.record());
    timeline.run('encode and submit', () => captured.submit());
  }

  private record(): Captured {
    const { context, optimizer } = this.options;
    this.captured = this.engine.capture(() => trainingStep(context, optimizer, this.batches, this.state));
    return this.captured;
  }

  /** Lets go of the step's intermediate buffers, before something else needs the memory; the next step records anew. */
  release(): void {
    this.captured?.release();
    this.captured = null;
  }

  /**
   * Waits for the submitted steps and gives the mean losses of steps [last report, `done`).
   * @returns a bad step instead, where there was one.
   */
  async report(done: number): Promise<LossReport | BadStep> {
    const rows = await this.timeline.run('read losses', () => this.state.read(done));
    if ('bad' in rows) return { step: rows.bad };
    const divide = this.batches.length > 1;
    const each = rows.map(({ step, values: [focal, dice, total, pairs] }): StepLosses => {
      const divisor = divide ? Math.max(1, pairs) : 1;
      return { step, focal: focal / divisor, dice: dice / divisor, total: total / divisor };
    });
    const mean = (key: keyof Losses): number =>
      each.reduce((sum, losses) => sum + losses[key], 0) / each.length;
    return { focal: mean('focal'), dice: mean('dice'), total: mean('total'), each };
  }

  /** The highest learning rate of a step among the parameter groups. */
  learningRate(step: number): number {
    const { optimizer, schedule } = this.options;
    return Math.max(...optimizer.baseRates.map((base) => learningRate(step, base, schedule)));
  }

  /** Bytes of everything that lives on the GPU now. */
  gpuBytes(): number {
    return this.engine.stats().live;
  }

  /** Runs the forward pass of bad step `step` (from 0; messages count from 1) again and names the first tensor that is not finite. */
  async diagnose(step: number, data: readonly Batch[]): Promise<NonFiniteError> {
    const names = data.flatMap((batch) => batch.names);
    const first = await this.firstNonFinite(step, data);
    return new NonFiniteError(
      `step ${step + 1}: the loss is not finite; first non-finite tensor: ${first ?? 'the loss itself'}; images: ${names.join(', ')}`,
      'No parameter was changed by this step and the last checkpoint stays. Look at these images, or lower optim.lr.',
    );
  }

  private async firstNonFinite(step: number, data: readonly Batch[]): Promise<string | null> {
    const { context } = this.options;
    this.upload(step, data);
    const seen: { name: string; found: Tensor }[] = [];
    const observe = (name: string, x: Tensor): void => {
      if (x.dtype === 'u32') return;
      const found = nonFiniteCounter(this.engine);
      found.storage.hold();
      countNonFinite({ x, found });
      seen.push({ name, found });
    };
    this.engine.scope(() => {
      stepGradients(context, this.batches, this.state.random, observe);
    });
    let first: string | null = null;
    for (const { name, found } of seen) {
      if (first === null && (await found.read())[0] > 0) first = name;
      found.storage.release();
    }
    return first;
  }

  private upload(step: number, data: readonly Batch[]): void {
    const { seed } = this.options;
    data.forEach(({ images, labels }, i) => {
      this.batches[i].image.write(images);
      this.batches[i].labels.write(new Uint32Array(labels.buffer, labels.byteOffset, labels.length));
    });
    this.state.random.write(Uint32Array.of(seed, 0, step, 0));
  }
}
