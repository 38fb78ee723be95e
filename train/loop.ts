import { ConfigError, DataError, type NonFiniteError } from '../engine/errors.ts';
import { Timeline } from '../engine/timeline.ts';
import type { RunConfig } from './config/config.ts';
import type { Batch, TrainLoader } from './data/loader.ts';
import { type EvalReport, selectionScore } from './evaluation/metrics.ts';
import { type Progress, speedRecord, throughputMeter } from './io/progress.ts';
import type { ProfileSession } from './profile/session.ts';
import type { RunLog } from './run_folder.ts';
import type { Trainer } from './trainer.ts';

/** What the loop calls at its intervals. */
export interface LoopActions {
  save(step: number, best: number | null): Promise<void>;
  saveBest(step: number, best: number): Promise<void>;
  evaluate(step: number): Promise<EvalReport>;
  /** Data could not be used after `step` steps, which are saved; the error follows. */
  dataFailed?(step: number): void;
}

export interface LoopInput {
  config: RunConfig;
  trainer: Trainer;
  loader: TrainLoader;
  log: RunLog;
  progress: Progress;
  actions: LoopActions;
  /** First step to do. */
  from: number;
  /** Best score so far (see `selectionScore`); null before the first evaluation. */
  best: number | null;
  /** What `--profile` asked for. */
  profile?: ProfileSession;
  /** Asked after every step; true ends the loop after saving. */
  interrupted(): boolean;
}

/** How a loop ended. */
export interface LoopEnd {
  /** Steps done. */
  step: number;
  reason: 'finished' | 'stopped' | 'interrupted';
  /** Best score so far; null before the first evaluation. */
  best: number | null;
}

/**
 * Trains from step `from` to the end of the schedule, or to `train.stopAt`: reports every `logInterval` steps,
 * evaluates and saves at their intervals. Every step that is reported has been checked to be finite. A checkpoint is
 * saved before the evaluation of its step, so that nothing that happens meanwhile loses steps. An evaluation that is
 * missing in the log comes first when the run goes on; the one after the last step is the caller's.
 * @throws DataError where an image or mask cannot be used, once the steps done before it are saved. NonFiniteError when a loss is not finite; the last checkpoint stays as it is. ConfigError where `train.stopAt`
 * lies before `from`.
 */
export async function trainingLoop(input: LoopInput): Promise<LoopEnd> {
  const { config, trainer, loader, actions, interrupted, profile } = input;
  const timeline = profile?.timeline ?? new Timeline();
  const { maxIters } = config.schedule;
  const { accumulation, batch, logInterval, evalInterval, checkpointInterval } = config.train;
  const last = lastStep(config);
  if (last < input.from) {
    throw new ConfigError(
      `train.stopAt: ${last}, but the run has done ${input.from} steps`,
      `Give a step after ${input.from}, or leave it out to finish the schedule`,
    );
  }
  const meter = throughputMeter();
  let { best } = input;
  // steps of the last report and the last checkpoint
  let [reported, saved] = [input.from, input.from];
  loader.startAt(input.from * accumulation);

  const report = async (done: number): Promise<void> => {
    const losses = await trainer.report(done);
    if ('step' in losses) throw await explain(trainer, loader, losses.step, accumulation);
    const speed = meter.take(last - done);
    const learningRate = trainer.learningRate(done - 1);
    const { focal, dice, total } = losses;
    profile?.tell(losses.each);
    input.progress.report({
      ...speed,
      step: done,
      maxIters,
      losses: { loss: total, focal, dice },
      learningRate,
      gpuBytes: trainer.gpuBytes(),
    });
    input.log.write({ step: done, loss: total, focal, dice, lr: learningRate, ...speedRecord(speed) });
    reported = done;
  };

  const aside = <T>(name: string, body: () => Promise<T>): Promise<T> =>
    profile ? profile.aside(name, body) : body();

  const save = async (done: number): Promise<void> => {
    await aside('checkpoint', () => actions.save(done, best));
    saved = done;
  };

  /** Of data that failed: saves the steps done, so that the run goes on from them once the data are mended. */
  const saveBeforeFailing = async (done: number, error: unknown): Promise<never> => {
    if (saved < done) {
      // a checkpoint holds no step that was not seen to be finite
      if (reported < done) await report(done);
      await save(done);
    }
    if (done > 0) actions.dataFailed?.(done);
    throw error;
  };

  /** A checkpoint of the same step gets the new best score, too. */
  const evaluation = async (done: number): Promise<void> => {
    trainer.release();
    const found = await aside('evaluation', () => actions.evaluate(done)).catch((error) => {
      if (error instanceof DataError) return saveBeforeFailing(done, error);
      throw error;
    });
    const score = selectionScore(found);
    if (improves(score, best)) {
      best = score;
      await aside('checkpoint', () => actions.saveBest(done, score));
      if (saved === done) await save(done);
    }
    // last: what is in the log is not made up for
    await input.log.writeEvaluation(done, found);
  };
  const evaluates = (done: number): boolean => done > 0 && done < maxIters && done % evalInterval === 0;

  if (evaluates(input.from) && !input.log.hasEvaluation(input.from)) {
    await evaluation(input.from);
    meter.restart();
  }
  for (let step = input.from; step < last; step++) {
    await profile?.before(step);
    const data = await timeline
      .run('wait for data', () => nextBatches(loader, accumulation))
      .catch((error) => saveBeforeFailing(step, error));
    await trainer.step(step, data);
    meter.step(batch * accumulation, data.reduce((sum, { waitMs }) => sum + waitMs, 0) / 1000);
    const done = step + 1;
    const cut = interrupted();
    const end = done === last || cut;
    const due = (interval: number): boolean => done % interval === 0;
    const pause = end || due(evalInterval) || due(checkpointInterval);
    if (pause || due(logInterval) || profile?.endsAt(done)) await report(done);
    if (end || due(checkpointInterval)) await save(done);
    // who has interrupted does not want to wait for it: it is made up for when the run goes on
    if (evaluates(done) && !cut) await evaluation(done);
    await profile?.after(done);
    if (pause) meter.restart();
    if (cut) return { step: done, reason: 'interrupted', best };
  }
  return { step: last, reason: last === maxIters ? 'finished' : 'stopped', best };
}

/** Whether a score is to be kept as the best; of equals the later one is, which has trained for longer. */
export function improves(score: number, best: number | null): boolean {
  return best === null || score >= best;
}

/** The step that a run ends after. */
export function lastStep({ schedule, train }: RunConfig): number {
  return Math.min(schedule.maxIters, train.stopAt ?? schedule.maxIters);
}

async function nextBatches(loader: TrainLoader, count: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let i = 0; i < count; i++) batches.push(await loader.next());
  return batches;
}

/** Fetches the bad step's images again and asks the trainer where it broke. */
async function explain(
  trainer: Trainer,
  loader: TrainLoader,
  step: number,
  accumulation: number,
): Promise<NonFiniteError> {
  loader.startAt(step * accumulation);
  return trainer.diagnose(step, await nextBatches(loader, accumulation));
}
