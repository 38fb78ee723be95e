import { createEngine } from '../../engine/create.ts';
import type { Engine } from '../../engine/engine.ts';
import { nodePlatform } from '../../engine/gpu/node.ts';
import type { HostTensor } from '../../model/weights/tensor_file.ts';
import { engineOptions, type RunConfig } from '../config/config.ts';
import type { Dataset } from '../data/datasets/dataset.ts';
import { evaluateRun } from '../evaluation/evaluate_run.ts';
import type { EvalReport } from '../evaluation/metrics.ts';
import type { Progress } from '../io/progress.ts';
import { trainingLoop } from '../loop.ts';
import { freshWeights, newRun, openTrainer, openTrainLoader, type RunWeights } from '../open_run.ts';

/** What one training of a series differs in from `npm run train`; nothing by default. */
export interface Twist {
  /** Changes the training split, such as which mask belongs to which image. */
  data?: (dataset: Dataset) => Dataset;
  /** Changes what training starts from. */
  weights?: (weights: RunWeights) => RunWeights;
}

/** A trained model, as long as its engine is open. */
export interface TrainedModel {
  /** Embeddings (C, D) of all classes that it was trained with. */
  text: HostTensor;
  /**
   * Evaluates `data.valSplit`.
   * @param other data of another root, or other embeddings; both as in the training by default.
   */
  evaluate(other?: { root?: string; text?: HostTensor }): Promise<EvalReport>;
}

/** Runs `use` with an engine of its own on the adapter of the configuration, and closes it. */
export async function withEngine<Result>(
  config: RunConfig,
  use: (engine: Engine) => Promise<Result>,
): Promise<Result> {
  const engine = await createEngine(nodePlatform(), engineOptions(config));
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

/**
 * Trains as `npm run train` does, from the same seed through the same steps, but without evaluations on the way,
 * checkpoints or a run folder.
 */
export async function trainModel(
  engine: Engine,
  config: RunConfig,
  dataset: Dataset,
  progress: Progress,
  twist: Twist = {},
): Promise<TrainedModel> {
  const start = await freshWeights(engine, config, dataset.info);
  const run = newRun(engine, config, twist.weights?.(start) ?? start);
  const { maxIters } = config.schedule;
  const undisturbed: RunConfig = {
    ...config,
    train: { ...config.train, stopAt: null, evalInterval: maxIters, checkpointInterval: maxIters },
  };
  const trainer = openTrainer(run, undisturbed, dataset.info);
  const loader = openTrainLoader(undisturbed, twist.data?.(dataset) ?? dataset);
  const evaluate: TrainedModel['evaluate'] = ({ root = config.data.root, text } = {}) => {
    const own = { ...config, data: { ...config.data, root } };
    const embeddings = text ? engine.tensor(text.data as Float32Array<ArrayBuffer>, text.shape) : run.text;
    return evaluateRun({ engine, weights: run.store, config: own, text: embeddings }, null);
  };
  try {
    await trainingLoop({
      config: undisturbed,
      trainer,
      loader,
      progress,
      log: { write: () => {}, writeEvaluation: async () => {}, hasEvaluation: () => false },
      from: 0,
      best: null,
      interrupted: () => false,
      actions: {
        evaluate: () => evaluate(),
        saveBest: async () => {},
        save: async () => {},
      },
    });
  } finally {
    await loader.close();
  }
  trainer.release();
  return { text: run.textValues, evaluate };
}
