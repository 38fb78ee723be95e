import type { Engine } from '../../engine/engine.ts';
import { AdapterError, ConfigError } from '../../engine/errors.ts';
import type { Profiler, Timed } from '../../engine/gpu/profiler.ts';
import type { Timeline } from '../../engine/timeline.ts';
import type { StepLosses } from '../trainer.ts';

/** Steps before anything is timed: they compile pipelines and record the step. */
const WARM_UP = 3;
/** What the loop does besides steps; it is told apart from their time. */
const ASIDE = ['evaluation', 'checkpoint'];

/** Steps [from, to) and the window in which they ran, by `performance.now()`; the GPU was idle at both ends. */
export interface Stretch {
  from: number;
  to: number;
  start: number;
  end: number;
}

/** What a session has seen. */
export interface Recording {
  /** Steps as they ordinarily are. */
  plain: Stretch;
  /** The steps whose dispatches were timed one by one. */
  timed: Stretch;
  /** When each step of both stretches began. */
  begins: ReadonlyMap<number, number>;
  /** The submits of the plain steps, whole passes timed. */
  passes: readonly Timed[];
  /** The submits of the timed steps, each dispatch by itself. */
  lists: readonly Timed[];
  timeline: Timeline;
  losses: readonly StepLosses[];
}

export interface SessionOptions {
  engine: Engine;
  timeline: Timeline;
  /** Steps to be timed. */
  steps: number;
  /** First step of the run, and the one after its last. */
  from: number;
  last: number;
  /** Receives the recording when the last of the steps is done. */
  finish(recording: Recording): Promise<void>;
}

/**
 * Profiles a few steps of a training run: three to warm up, so many as they ordinarily are, for the time of a whole
 * step, and as many with every dispatch timed.
 */
export class ProfileSession {
  /** Records while the session does. */
  readonly timeline: Timeline;
  private readonly options: SessionOptions;
  private readonly profiler: Profiler;
  private readonly plainFrom: number;
  private readonly timedFrom: number;
  private readonly end: number;
  private readonly begins = new Map<number, number>();
  private readonly losses: StepLosses[] = [];
  private plain: Stretch | null = null;
  private passes: Timed[] = [];
  private start = 0;

  /** @throws ConfigError where the run is too short for it. */
  constructor(options: SessionOptions) {
    const { engine, from, last } = options;
    const { profiler } = engine.gpu;
    if (!profiler) throw new AdapterError(`${engine.gpu.device.name} cannot time dispatches`);
    const steps = Math.min(options.steps, Math.floor((last - from - WARM_UP) / 2));
    if (steps < 1) {
      throw new ConfigError(
        `--profile: the run does ${last - from} steps, wanted at least ${WARM_UP + 2}`,
        `${WARM_UP} warm up, then each profiled step needs an ordinary one beside it`,
      );
    }
    profiler.grain = 'off';
    this.profiler = profiler;
    this.options = options;
    this.timeline = options.timeline;
    this.plainFrom = from + WARM_UP;
    this.timedFrom = this.plainFrom + steps;
    this.end = this.timedFrom + steps;
  }

  /** To be called before each step. */
  async before(step: number): Promise<void> {
    const { engine, timeline } = this.options;
    if (step === this.plainFrom) {
      await engine.settle();
      timeline.recording = true;
      this.profiler.start('passes');
      this.start = performance.now();
    }
    if (step === this.timedFrom) {
      await engine.settle();
      this.plain = this.stretch(this.plainFrom, step);
      this.passes = await this.profiler.stop();
      this.profiler.start('dispatches');
      this.start = performance.now();
    }
    if (step >= this.plainFrom && step < this.end) this.begins.set(step, performance.now());
  }

  /** Whether the last profiled step was the one before `done`: its losses are to be told, then {@link after} called. */
  endsAt(done: number): boolean {
    return done === this.end;
  }

  /** The losses of steps, as they are read. */
  tell(losses: readonly StepLosses[]): void {
    this.losses.push(...losses.filter(({ step }) => step >= this.timedFrom && step < this.end));
  }

  /** To be called after each step and what follows on it. */
  async after(done: number): Promise<void> {
    if (!this.endsAt(done) || !this.plain) return;
    const { engine, timeline, finish } = this.options;
    await engine.settle();
    const timed = this.stretch(this.timedFrom, done);
    timeline.recording = false;
    const lists = await this.profiler.stop();
    const { plain, passes, begins, losses } = this;
    await finish({ plain, timed, begins, passes, lists, timeline, losses });
  }

  /** Runs what is no part of a step, an evaluation or a checkpoint: its dispatches are not timed. */
  async aside<T>(name: string, body: () => Promise<T>): Promise<T> {
    const { grain } = this.profiler;
    this.profiler.grain = 'off';
    try {
      return await this.options.timeline.run(name, body);
    } finally {
      this.profiler.grain = grain;
    }
  }

  private stretch(from: number, to: number): Stretch {
    return { from, to, start: this.start, end: performance.now() };
  }
}

/** Milliseconds of a step of the stretch, evaluations and checkpoints left out. */
export function stepMs({ from, to, start, end }: Stretch, timeline: Timeline): number {
  return (end - start - timeline.total(ASIDE, start, end)) / (to - from);
}
