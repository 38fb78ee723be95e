import type { Engine } from '../../engine/engine.ts';
import { type ClipConfig, clipSpecs } from '../../model/clip.ts';
import { ParameterStore } from '../../model/store.ts';
import { toFloat32 } from '../../model/weights/half.ts';
import { resizePositions } from '../../model/weights/positions.ts';
import { float32Tensor, type StateDict } from '../../model/weights/tensor_file.ts';
import type { Atlas } from '../embedded/atlas.ts';
import { type Progress, speedRecord, throughputMeter } from '../io/progress.ts';
import type { RunLog } from '../run_folder.ts';
import { type BatchSource, openBatchSource } from './batch_source.ts';
import type { CaptionBook } from './captions.ts';
import { type PretrainCheckpoint, parametersOf, restoreOptimizer } from './checkpoint.ts';
import { type Accuracy, accuracy, drawHeldOut } from './evaluate.ts';
import { clipConfig, type PretrainSettings } from './settings.ts';
import { rateShare, type Stage } from './stages.ts';
import { ContrastiveTrainer, type StepLoss } from './trainer.ts';

/** What all stages of a pre-training share. */
export interface PretrainContext {
  engine: Engine;
  settings: PretrainSettings;
  atlas: Atlas;
  book: CaptionBook;
}

/** A stage's model and optimiser on the GPU. */
export interface StageRun {
  stage: Stage;
  config: ClipConfig;
  store: ParameterStore;
  trainer: ContrastiveTrainer;
  /** The step that comes first. */
  from: number;
}

/**
 * Opens a stage.
 * @param start nothing for random weights, the tensors that the stage before ended with, or a checkpoint from within
 *   the stage.
 */
export function openStage(
  { engine, settings, book }: PretrainContext,
  stage: Stage,
  start: null | { model: StateDict } | { checkpoint: PretrainCheckpoint },
): StageRun {
  const { size, crowd, lr } = stage;
  const config = clipConfig(settings, book, size);
  const specs = clipSpecs(config);
  let given: StateDict = new Map();
  if (start && 'model' in start) given = withGrid(start.model, config);
  if (start && 'checkpoint' in start) given = parametersOf(start.checkpoint, specs);
  const store = new ParameterStore(engine, specs, given, settings.seed);
  const from = start && 'checkpoint' in start ? start.checkpoint.step : stage.from;
  const batch = { batch: settings.train.batch, size, crowd };
  const trainer = new ContrastiveTrainer({ engine, config, store, settings, batch, lr }, from);
  if (start && 'checkpoint' in start) restoreOptimizer(start.checkpoint, trainer.optimizer);
  return { stage, config, store, trainer, from };
}

/** Gives the stage's parameters back. */
export function closeStage({ store, trainer }: StageRun): void {
  trainer.dispose();
  for (const parameter of store.trainable) parameter.dispose();
}

/** The tensors with their position grid resized bilinearly to that of the configuration. */
function withGrid(model: StateDict, { vision }: ClipConfig): StateDict {
  const key = 'backbone.positional_embedding';
  const stored = model.get(key)!;
  const grid = vision.resolution / vision.patch;
  const before = Math.sqrt(stored.shape[0] - 1);
  const resized = resizePositions(toFloat32(stored), vision.width, before, grid);
  return new Map([...model, [key, float32Tensor([1 + grid * grid, vision.width], resized)]]);
}

export function openStageSource(
  { settings, atlas, book }: PretrainContext,
  { stage, from }: StageRun,
): BatchSource {
  const { seed, data, train } = settings;
  const { size, crowd } = stage;
  return openBatchSource({ seed, ...data, batch: train.batch, size, crowd, atlas, book, from });
}

/** What a stage's loop calls. */
export interface StageHooks {
  progress: Progress;
  log: RunLog;
  /** Steps of all stages. */
  total: number;
  save(step: number): Promise<void>;
  interrupted(): boolean;
}

/**
 * Trains a stage to its end, to `train.stopAt`, or to an interruption: reports, evaluates and saves at their
 * intervals and at the end. Every step that is reported has been checked to be finite.
 * @returns steps done.
 */
export async function runStage(context: PretrainContext, run: StageRun, hooks: StageHooks): Promise<number> {
  const { settings, engine, atlas, book } = context;
  const { stage, trainer, config, store } = run;
  const { batch, logInterval, evalInterval, checkpointInterval, evalScenes, stopAt } = settings.train;
  const last = Math.min(stage.to, stopAt ?? stage.to);
  const heldOut = drawHeldOut(atlas, book, { size: stage.size, crowd: stage.crowd, count: evalScenes });
  const source = openStageSource(context, run);
  const meter = throughputMeter();
  try {
    for (let step = run.from; step < last; step++) {
      const next = await source.next();
      await trainer.step(step, next.batch, rateShare(stage, settings.optim.warmupSteps, step));
      meter.step(batch, next.waitMs / 1000);
      const done = step + 1;
      const end = done === last || hooks.interrupted();
      const due = (interval: number): boolean => end || done % interval === 0;
      const pause = due(evalInterval) || due(checkpointInterval);
      if (pause || due(logInterval)) report(await trainer.report(done), done);
      if (due(evalInterval))
        tell(done, await accuracy(engine, store, config, { atlas, book }, heldOut, batch));
      if (due(checkpointInterval)) await hooks.save(done);
      if (pause) meter.restart();
      if (end) return done;
    }
    return run.from;
  } finally {
    await source.close();
  }

  function report(losses: StepLoss[], done: number): void {
    const mean = (key: keyof StepLoss) => losses.reduce((sum, loss) => sum + loss[key], 0) / losses.length;
    const [loss, global, patches, gradientNorm] = (
      ['total', 'global', 'patches', 'gradientNorm'] as const
    ).map(mean);
    const speed = meter.take(hooks.total - done);
    const learningRate = stage.lr * rateShare(stage, settings.optim.warmupSteps, done - 1);
    hooks.progress.report({
      ...speed,
      step: done,
      maxIters: hooks.total,
      losses: { loss, global, patches },
      learningRate,
      gpuBytes: engine.stats().live,
    });
    hooks.log.write({
      step: done,
      stage: stage.name,
      loss,
      global,
      patches,
      gradientNorm,
      lr: learningRate,
      ...speedRecord(speed),
      losses: losses.map(({ total }) => Number(total.toPrecision(7))),
    });
  }

  function tell(done: number, { image, patch }: Accuracy): void {
    hooks.log.write({ step: done, stage: stage.name, accuracy: { image, patch } });
    const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
    hooks.progress.note(
      `step ${done}: of ${evalScenes} held-out scenes ${percent(image)} right by class token, ${percent(patch)} of patches`,
    );
  }
}
