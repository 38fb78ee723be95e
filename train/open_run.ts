import type { Engine } from '../engine/engine.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Timeline } from '../engine/timeline.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { ParameterStore } from '../model/store.ts';
import type { HostTensor, StateDict } from '../model/weights/tensor_file.ts';
import {
  loadCheckpoint,
  loadModelFile,
  modelTensors,
  optimizerTensors,
  saveCheckpoint,
  textTensor,
} from './checkpoint.ts';
import type { RunConfig } from './config/config.ts';
import type { Dataset } from './data/datasets/dataset.ts';
import type { DatasetInfo } from './data/datasets/info.ts';
import { createTrainLoader, type TrainLoader } from './data/loader.ts';
import { AdamW } from './optimizer.ts';
import { carriedText } from './saved_model.ts';
import { Trainer } from './trainer.ts';
import { initialWeights } from './weights.ts';

/** Model, optimiser and class embeddings of a run. */
export interface OpenRun {
  engine: Engine;
  store: ParameterStore;
  optimizer: AdamW;
  /** Embeddings (C, D) of all classes, on the GPU and as they are saved. */
  text: Tensor;
  textValues: HostTensor;
  /** Steps done before. */
  from: number;
  /** Best score so far; null before the first evaluation. */
  best: number | null;
}

/** What a run is made of; parameters that are missing start from the seed. */
export interface RunWeights {
  tensors: StateDict;
  text: HostTensor;
}

/** The same with what the user is told about it. */
export interface FreshWeights extends RunWeights {
  /** Where the class embeddings come from, in words. */
  textSource: string;
}

/**
 * The weights that a new run of this configuration starts from. What `train.startFrom` was trained with comes along:
 * its class embeddings are used unless others are given or its classes are others.
 * @throws DataError, ConfigError where the files do not fit the configuration.
 */
export async function freshWeights(
  engine: Engine,
  config: RunConfig,
  info: DatasetInfo,
): Promise<FreshWeights> {
  const { startFrom } = config.train;
  if (startFrom === null) {
    const { backbone, ...rest } = await initialWeights(engine, config, info);
    return { tensors: backbone, ...rest };
  }
  const given = await loadModelFile(startFrom);
  const tensors = modelTensors(startFrom, given.tensors, parameterSpecs(config.model));
  if (config.data.textEmbeddings === null && given.config?.dataset === config.dataset) {
    return { tensors, text: carriedText(given, config), textSource: `those of ${startFrom}` };
  }
  const { text, textSource } = await initialWeights(engine, config, info);
  return { tensors, text, textSource };
}

/** A run at its first step. */
export function newRun(engine: Engine, config: RunConfig, { tensors, text }: RunWeights): OpenRun {
  const store = new ParameterStore(engine, parameterSpecs(config.model), tensors, config.seed);
  return {
    engine,
    store,
    optimizer: new AdamW(engine, store.trainable, config.optim),
    text: engine.tensor(text.data as Float32Array<ArrayBuffer>, text.shape),
    textValues: text,
    from: 0,
    best: null,
  };
}

/** A run as the checkpoint `file` left it. */
export async function savedRun(
  engine: Engine,
  config: RunConfig,
  info: DatasetInfo,
  file: string,
): Promise<OpenRun> {
  const { tensors, updates, step, best } = await loadCheckpoint(file);
  const text = textTensor(file, tensors, [info.classes.length, config.model.vision.embedDim]);
  const run = newRun(engine, config, {
    tensors: modelTensors(file, tensors, parameterSpecs(config.model)),
    text,
  });
  run.optimizer.restore(optimizerTensors(file, tensors, run.optimizer), updates);
  return { ...run, from: step, best };
}

/** Writes a run as it stands into a checkpoint, for {@link savedRun}. */
export function saveRun(
  file: string,
  { store, optimizer, textValues }: OpenRun,
  config: RunConfig,
  step: number,
  best: number | null,
): Promise<void> {
  return saveCheckpoint(file, store, optimizer, textValues, { step, best, config });
}

/** The batches of a run's training split. */
export function openTrainLoader(config: RunConfig, dataset: Dataset): TrainLoader {
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

/** What runs the steps of a run: in inductive training it knows the embeddings of the seen classes only. */
export function openTrainer(
  run: OpenRun,
  config: RunConfig,
  info: DatasetInfo,
  timeline?: Timeline,
): Trainer {
  const { engine, store, optimizer, textValues } = run;
  const { mode, accumulation, batch, logInterval } = config.train;
  const [, width] = textValues.shape;
  const values = textValues.data as Float32Array<ArrayBuffer>;
  const rows = mode === 'inductive' ? info.seen : info.classes.map((_, id) => id);
  const chosen = Float32Array.from(
    rows.flatMap((row) => [...values.subarray(row * width, (row + 1) * width)]),
  );
  const options = {
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
    history: Math.min(logInterval, config.schedule.maxIters),
    timeline,
  };
  return new Trainer(options, run.from);
}
