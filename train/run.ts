import { createEngine } from '../engine/create.ts';
import { ensureAdapter } from '../engine/doctor/ensure.ts';
import type { Engine } from '../engine/engine.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import { measurePeakForProfile, type Peak } from '../engine/gpu/peak.ts';
import { Timeline } from '../engine/timeline.ts';
import { saveCheckpoint } from './checkpoint.ts';
import type { TrainRequest } from './cli_train.ts';
import { engineOptions, type RunConfig } from './config.ts';
import { type Dataset, openDataset } from './datasets/dataset.ts';
import { defaultCounts, ensureEmbeddedVoc } from './embedded/generate.ts';
import { evaluateRun } from './evaluate_run.ts';
import { INTERRUPTED, watchInterrupt } from './interrupt.ts';
import { type LoopEnd, lastStep, trainingLoop } from './loop.ts';
import { freshWeights, newRun, openTrainer, openTrainLoader, savedRun } from './open_run.ts';
import { embeddedCache } from './presets.ts';
import { saveProfile } from './profile/save.ts';
import { ProfileSession } from './profile/session.ts';
import { formatDuration, type Progress, showProgress } from './progress.ts';
import { watchEvaluation } from './report/examples.ts';
import { writeReport } from './report/write_report.ts';
import {
  bestCheckpointFile,
  checkpointFile,
  createRunFolder,
  latestCheckpoint,
  markLatest,
  openRunFolder,
  openRunLog,
  type RunFolder,
  saveEvaluation,
} from './run_folder.ts';
import { learningRate } from './schedule.ts';
import { evaluationTable } from './table.ts';

/** Trains, evaluates and writes the run folder. @returns the exit code. */
export async function train(request: TrainRequest): Promise<number> {
  const { config, workDir, resume, banner, profile } = request;
  if (banner) console.log(banner);
  await ensureAdapter({ adapter: config.adapter ?? undefined });
  await prepareData(config);
  const dataset = await openDataset(config.dataset, config.data.root, config.data.trainSplit);
  const adapter = config.adapter ?? undefined;
  const peak = profile === null ? null : await measurePeakForProfile(nodePlatform(), adapter);
  const engine = await createEngine(nodePlatform(), {
    ...engineOptions(config),
    ...(peak && { profile: true }),
  });
  try {
    const folder = resume ? await openRunFolder(workDir, config) : await createRunFolder(workDir, config);
    const progress = showProgress(process.stdout);
    progress.note(`adapter ${engine.gpu.device.name}; run folder ${folder.root}`);
    return await trainOn(engine, request, dataset, folder, progress, peak);
  } finally {
    await engine.close();
  }
}

/** Draws the embedded scenes on first use, into `data.root`. */
export async function prepareData({ data }: RunConfig): Promise<void> {
  if (!data.embedded) return;
  await ensureEmbeddedVoc(embeddedCache(data.crop), { seed: 0, size: data.crop, ...defaultCounts });
}

async function trainOn(
  engine: Engine,
  { config, resume, profile }: TrainRequest,
  dataset: Dataset,
  folder: RunFolder,
  progress: Progress,
  peak: Peak | null,
): Promise<number> {
  const start = performance.now();
  const saved = resume ? latestCheckpoint(folder) : null;
  const run =
    saved === null
      ? newRun(engine, config, await freshWeights(engine, config, dataset.info))
      : await savedRun(engine, config, dataset.info, saved);
  const { store, optimizer, text, textValues, from, best } = run;
  const pool = (): number => engine.stats().live;
  const log = await openRunLog(folder.log, from);
  const loader = openTrainLoader(config, dataset);
  const interrupt = watchInterrupt(progress.note);
  let end: LoopEnd;
  try {
    const timeline = new Timeline();
    const trainer = openTrainer(run, config, dataset.info, timeline);
    const save = (file: string, step: number, hiou: number | null): Promise<void> =>
      saveCheckpoint(file, store, optimizer, textValues, { step, best: hiou, config });
    end = await trainingLoop({
      config,
      trainer,
      loader,
      log,
      progress,
      from,
      best,
      interrupted: interrupt.asked,
      profile:
        peak && profile !== null
          ? new ProfileSession({
              engine,
              timeline,
              steps: profile,
              from,
              last: lastStep(config),
              finish: (recording) => saveProfile(recording, peak, engine.gpu.device.name, folder, progress),
            })
          : undefined,
      actions: {
        learningRate: (step) =>
          Math.max(...optimizer.baseRates.map((base) => learningRate(step, base, config.schedule))),
        gpuBytes: pool,
        evaluate: (step) => evaluated(step),
        saveBest: (step, hiou) => save(bestCheckpointFile(folder), step, hiou),
        save: async (step, hiou) => {
          await save(checkpointFile(folder, step), step, hiou);
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
    progress.note(
      `Stopped after step ${end.step}; continue with: npm run train -- --resume --work-dir ${folder.root}`,
    );
    return end.reason === 'interrupted' ? INTERRUPTED : 0;
  }
  const trained = performance.now();
  const pictures = { folder: folder.overlays, count: config.eval.overlays };
  const watch = watchEvaluation(dataset.info, config.model.vision.patch);
  const report = await evaluateRun({ engine, weights: store, config, text }, pictures, watch.hooks);
  await saveEvaluation(folder.evaluation, end.step, report);
  log.write({ step: end.step, eval: { hiou: report.hiou, seen: report.seen, unseen: report.unseen } });
  const file = await writeReport({
    engine,
    store,
    config,
    text,
    step: end.step,
    folder,
    evaluation: report,
    watch,
  });
  console.log(`\n${evaluationTable(report)}\n`);
  const seconds = (ms: number): string => formatDuration(ms / 1000);
  console.log(
    `trained in ${seconds(trained - start)}, evaluated in ${seconds(performance.now() - trained)}; results in ${folder.root}, page ${file}`,
  );
  return 0;

  async function evaluated(step: number) {
    const report = await evaluateRun({ engine, weights: store, config, text }, null);
    await saveEvaluation(folder.evaluation, step, report);
    progress.note(`step ${step}: mIoU seen ${report.seen}, unseen ${report.unseen}, hIoU ${report.hiou}`);
    return report;
  }
}
