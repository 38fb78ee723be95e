import { createEngine } from '../engine/create.ts';
import { ensureAdapter } from '../engine/doctor/ensure.ts';
import type { Engine } from '../engine/engine.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import { measurePeakOf, type Peak } from '../engine/gpu/peak.ts';
import { Timeline } from '../engine/timeline.ts';
import { engineOptions, formatConfig, type RunConfig } from './config/config.ts';
import { type Dataset, openDataset } from './data/datasets/dataset.ts';
import type { DatasetInfo } from './data/datasets/info.ts';
import { prepareData } from './embedded/prepare.ts';
import { evaluateRun } from './evaluation/evaluate_run.ts';
import type { EvalReport } from './evaluation/metrics.ts';
import { evaluationLine } from './evaluation/table.ts';
import { finishRun } from './finish_run.ts';
import { imageProgress } from './io/image_progress.ts';
import { INTERRUPTED, watchInterrupt } from './io/interrupt.ts';
import { makeOutputFolder } from './io/output.ts';
import { formatPlan, type Progress, showProgress } from './io/progress.ts';
import { type LoopEnd, lastStep, trainingLoop } from './loop.ts';
import {
  freshWeights,
  newRun,
  type OpenRun,
  openTrainer,
  openTrainLoader,
  savedRun,
  saveRun,
} from './open_run.ts';
import { saveProfile } from './profile/save.ts';
import { ProfileSession } from './profile/session.ts';
import {
  bestCheckpointFile,
  checkpointFile,
  latestCheckpoint,
  markLatest,
  readCheckpointOf,
} from './run_checkpoints.ts';
import {
  createRunFolder,
  makeNewFolder,
  openRunFolder,
  openRunLog,
  type RunFolder,
  requireNewFolder,
  runFolder,
  saveEvaluation,
} from './run_folder.ts';
import { RunLock } from './run_lock.ts';

/** A training run as it is asked for. */
export interface TrainRequest {
  config: RunConfig;
  workDir: string;
  /** Continue from the latest checkpoint of `workDir`. */
  resume: boolean;
  /** A line to print before anything else; null where there is nothing to say. */
  banner: string | null;
  /** Steps to profile; null: none. */
  profile: number | null;
}

/** Trains, evaluates and writes the run folder. @returns the exit code. */
export async function train(request: TrainRequest): Promise<number> {
  const { config, workDir, resume, banner } = request;
  if (banner) console.log(banner);
  if (!resume) requireNewFolder(workDir);
  // before the lock: it may go on in another process
  await ensureAdapter({ adapter: config.adapter ?? undefined });
  const lock = new RunLock(workDir);
  try {
    if (resume) await lock.take();
    return await trainLocked(request, lock);
  } finally {
    lock.release();
  }
}

/** @param lock of the run folder, held already where the run goes on; a new run gets its folder later. */
async function trainLocked(request: TrainRequest, lock: RunLock): Promise<number> {
  const { config, workDir, resume, profile } = request;
  await prepareData(config);
  const { root, trainSplit, valSplit } = config.data;
  const dataset = await openDataset(config.dataset, root, trainSplit);
  const images = {
    train: dataset.items.length,
    val: Math.min(
      (await openDataset(config.dataset, root, valSplit)).items.length,
      config.eval.maxImages ?? Number.POSITIVE_INFINITY,
    ),
  };
  const adapter = config.adapter ?? undefined;
  const peak = profile === null ? null : await measurePeakOf(nodePlatform(), adapter, '--profile');
  const engine = await createEngine(nodePlatform(), {
    ...engineOptions(config),
    ...(peak && { profile: true }),
  });
  try {
    const progress = showProgress(process.stdout);
    // before the folder is touched: where something does not fit, the same command may come again
    const run = await openRun(engine, request, dataset.info, progress.note);
    const session = peak ? openSession(run, request, peak, progress) : undefined;
    if (!resume) {
      makeNewFolder(workDir);
      await lock.take();
    }
    const folder = await (resume ? openRunFolder : createRunFolder)(workDir, formatConfig(config));
    await makeOutputFolder(folder.overlays, '--work-dir');
    progress.note(`adapter ${engine.gpu.device.name}; run folder ${folder.root}`);
    progress.note(formatPlan(config, images));
    return await trainOn(run, config, dataset, folder, progress, session);
  } finally {
    await engine.close();
  }
}

/** The run as its latest checkpoint left it, or at its first step. */
async function openRun(
  engine: Engine,
  { config, workDir, resume }: TrainRequest,
  info: DatasetInfo,
  note: (line: string) => void,
): Promise<OpenRun> {
  const folder = runFolder(workDir);
  const saved = resume ? latestCheckpoint(folder) : null;
  if (saved !== null) {
    if (saved.note !== null) note(saved.note);
    return readCheckpointOf(folder, saved.file, (file) => savedRun(engine, config, info, file));
  }
  if (resume) note(`no checkpoint in ${folder.checkpoints} yet: the run begins at its first step`);
  const { textSource, ...weights } = await freshWeights(engine, config, info);
  note(`class embeddings: ${textSource}`);
  return newRun(engine, config, weights);
}

/** The profile that was asked for. @throws ConfigError where the run is too short for it. */
function openSession(
  { engine, from }: OpenRun,
  { config, workDir, profile }: TrainRequest,
  peak: Peak,
  progress: Progress,
): ProfileSession {
  return new ProfileSession({
    engine,
    timeline: new Timeline(),
    steps: profile!,
    from,
    last: lastStep(config),
    finish: (recording) => saveProfile(recording, peak, engine.gpu.device.name, runFolder(workDir), progress),
  });
}

/** Trains to the end, or as far as it gets, then finishes the run. @returns the exit code. */
async function trainOn(
  run: OpenRun,
  config: RunConfig,
  dataset: Dataset,
  folder: RunFolder,
  progress: Progress,
  profile: ProfileSession | undefined,
): Promise<number> {
  const start = performance.now();
  const { from, best } = run;
  const goOn = `continue with: npm run train -- --resume --work-dir ${folder.root}`;
  const log = await openRunLog(folder.log, from);
  const loader = openTrainLoader(config, dataset);
  const interrupt = watchInterrupt(progress.note);
  let end: LoopEnd;
  try {
    const trainer = openTrainer(run, config, dataset.info, profile?.timeline);
    end = await trainingLoop({
      config,
      trainer,
      loader,
      log,
      progress,
      from,
      best,
      interrupted: interrupt.asked,
      profile,
      actions: {
        evaluate: (step) => evaluateOnTheWay(run, config, folder, progress, step),
        dataFailed: (step) => progress.note(`The data failed; step ${step} is saved, ${goOn}`),
        saveBest: (step, score) => saveRun(bestCheckpointFile(folder), run, config, step, score),
        save: async (step, score) => {
          await saveRun(checkpointFile(folder, step), run, config, step, score);
          await markLatest(folder, step);
        },
      },
    });
  } finally {
    interrupt.close();
    await loader.close();
  }
  progress.finish();
  if (end.reason !== 'finished') {
    progress.note(`Stopped after step ${end.step}; ${goOn}`);
    return end.reason === 'interrupted' ? INTERRUPTED : 0;
  }
  await finishRun({ run, config, folder, log, end, seconds: (performance.now() - start) / 1000 });
  return 0;
}

/** The scores of the model after a step, saved and told in a line. */
async function evaluateOnTheWay(
  run: OpenRun,
  config: RunConfig,
  folder: RunFolder,
  { note }: Progress,
  step: number,
): Promise<EvalReport> {
  const report = await evaluateRun({ ...run, weights: run.store, config }, null, {
    progress: imageProgress(process.stdout, 'evaluated'),
  });
  await saveEvaluation(folder.evaluation, step, report);
  note(`step ${step}: ${evaluationLine(report)}`);
  return report;
}
