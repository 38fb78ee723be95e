import { dirname } from 'node:path';
import { ensureAdapter } from '../engine/doctor/ensure.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import type { Tensor } from '../engine/tensor.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { ParameterStore } from '../model/store.ts';
import type { HostTensor } from '../model/weights/tensor_file.ts';
import {
  type Checkpoint,
  loadCheckpoint,
  modelTensors,
  optimizerTensors,
  saveCheckpoint,
  textTensor,
} from './checkpoint.ts';
import type { TrainRequest } from './cli_train.ts';
import type { RunConfig } from './config.ts';
import { type Dataset, openDataset } from './datasets/dataset.ts';
import { defaultCounts, ensureEmbeddedVoc } from './embedded/generate.ts';
import { evaluateRun } from './evaluate_run.ts';
import { INTERRUPTED, watchInterrupt } from './interrupt.ts';
import { createTrainLoader, type TrainLoader } from './loader.ts';
import { type LoopEnd, trainingLoop } from './loop.ts';
import { AdamW } from './optimizer.ts';
import { formatDuration, type Progress, showProgress } from './progress.ts';
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
import { Trainer } from './trainer.ts';
import { initialWeights, startingWeights } from './weights.ts';

/** Trains, evaluates and writes the run folder. @returns the exit code. */
export async function train(request: TrainRequest): Promise<number> {
  const { config, workDir, resume, banner } = request;
  if (banner) console.log(banner);
  await ensureAdapter({ adapter: config.adapter ?? undefined });
  await prepareData(config);
  const dataset = await openDataset(config.dataset, config.data.root, config.data.trainSplit);
  const folder = resume ? await openRunFolder(workDir, config) : await createRunFolder(workDir, config);
  const engine = await createEngine(nodePlatform(), { adapter: config.adapter ?? undefined });
  try {
    const progress = showProgress(process.stdout);
    progress.note(`adapter ${engine.gpu.device.name}; run folder ${folder.root}`);
    return await trainOn(engine, config, dataset, folder, resume, progress);
  } finally {
    await engine.close();
  }
}

/** Draws the embedded scenes on first use. */
export async function prepareData(config: RunConfig): Promise<void> {
  if (!config.data.embedded) return;
  // the folder ends in VOCdevkit/VOC2012
  const cache = dirname(dirname(config.data.root));
  await ensureEmbeddedVoc(cache, { seed: 0, size: config.data.crop, ...defaultCounts });
}

async function trainOn(
  engine: Engine,
  config: RunConfig,
  dataset: Dataset,
  folder: RunFolder,
  resume: boolean,
  progress: Progress,
): Promise<number> {
  const start = performance.now();
  const run = await openRun(engine, config, dataset, resume ? latestCheckpoint(folder) : null);
  const { store, optimizer, text, textValues, from, best } = run;
  const pool = (): number => engine.stats().live;
  const log = await openRunLog(folder.log, from);
  const loader = openLoader(config, dataset);
  const interrupt = watchInterrupt(progress.note);
  let end: LoopEnd;
  try {
    const trainer = new Trainer(trainerOptions(run, config, dataset), from);
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
  const report = await evaluateRun({ engine, weights: store, config, text }, pictures);
  await saveEvaluation(folder.evaluation, end.step, report);
  log.write({ step: end.step, eval: { hiou: report.hiou, seen: report.seen, unseen: report.unseen } });
  console.log(`\n${evaluationTable(report)}\n`);
  const seconds = (ms: number): string => formatDuration(ms / 1000);
  console.log(
    `trained in ${seconds(trained - start)}, evaluated in ${seconds(performance.now() - trained)}; results in ${folder.root}`,
  );
  return 0;

  async function evaluated(step: number) {
    const report = await evaluateRun({ engine, weights: store, config, text }, null);
    await saveEvaluation(folder.evaluation, step, report);
    progress.note(`step ${step}: mIoU seen ${report.seen}, unseen ${report.unseen}, hIoU ${report.hiou}`);
    return report;
  }
}

interface OpenRun {
  engine: Engine;
  store: ParameterStore;
  optimizer: AdamW;
  /** Embeddings (C, D) of all classes, on the GPU and as they are saved. */
  text: Tensor;
  textValues: HostTensor;
  /** Steps done before. */
  from: number;
  best: number | null;
}

/** Model and optimiser, fresh or as a checkpoint left them. */
async function openRun(
  engine: Engine,
  config: RunConfig,
  dataset: Dataset,
  file: string | null,
): Promise<OpenRun> {
  const specs = parameterSpecs(config.model);
  const classes = dataset.info.classes.length;
  const checkpoint: Checkpoint | null = file === null ? null : await loadCheckpoint(file);
  const start = checkpoint ? null : await initialWeights(engine, config, dataset.info);
  const tensors = checkpoint
    ? modelTensors(file!, checkpoint.tensors, specs)
    : config.train.startFrom
      ? await startingWeights(config.train.startFrom, specs)
      : start!.backbone;
  const textValues = checkpoint
    ? textTensor(file!, checkpoint.tensors, [classes, config.model.vision.embedDim])
    : start!.text;
  const store = new ParameterStore(engine, specs, tensors, config.seed);
  const optimizer = new AdamW(engine, store.trainable, config.optim);
  if (checkpoint)
    optimizer.restore(optimizerTensors(file!, checkpoint.tensors, optimizer), checkpoint.updates);
  const text = engine.tensor(textValues.data as Float32Array<ArrayBuffer>, textValues.shape);
  return {
    engine,
    store,
    optimizer,
    text,
    textValues,
    from: checkpoint?.step ?? 0,
    best: checkpoint?.best ?? null,
  };
}

function openLoader(config: RunConfig, dataset: Dataset): TrainLoader {
  const { data, train: settings, seed } = config;
  const { scale, ratio, crop, catMaxRatio, flip, photometric, workers, prefetch } = data;
  return createTrainLoader({
    dataset,
    workers,
    prefetch,
    mode: settings.mode,
    seed,
    batch: settings.batch,
    augment: { scale, ratio, crop: [crop, crop], catMaxRatio, flip, photometric },
  });
}

function trainerOptions(run: OpenRun, config: RunConfig, { info }: Dataset) {
  const { engine, store, optimizer, textValues } = run;
  const { mode, accumulation, batch, logInterval } = config.train;
  const [, width] = textValues.shape;
  const values = textValues.data as Float32Array<ArrayBuffer>;
  const rows = mode === 'inductive' ? info.seen : info.classes.map((_, id) => id);
  const chosen = Float32Array.from(
    rows.flatMap((row) => [...values.subarray(row * width, (row + 1) * width)]),
  );
  return {
    context: {
      engine,
      config: config.model,
      store,
      loss: config.loss,
      text: engine.tensor(chosen, [rows.length, width]),
      novel:
        mode === 'transductive' ? engine.tensor(Uint32Array.from(info.novel), [info.novel.length]) : null,
    },
    optimizer,
    schedule: config.schedule,
    accumulation,
    batch,
    crop: config.data.crop,
    seed: config.seed,
    history: logInterval,
  };
}
