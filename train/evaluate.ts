import type { Engine } from '../engine/engine.ts';
import { addConfusion, argmax, resize } from '../engine/ops/index.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Weights } from '../model/store.ts';
import type { RunConfig } from './config.ts';
import type { DatasetInfo } from './datasets/info.ts';
import { penalties, slidingScores } from './inference.ts';
import { classTable, ignoredLabel, mapLabels } from './labels.ts';
import type { EvalLoader, EvalSample } from './loader.ts';
import { addCounts, confusionMatrix, type EvalReport, scoreReport, scores } from './metrics.ts';

export interface EvaluationInput {
  engine: Engine;
  weights: Weights;
  model: ModelConfig;
  /** Embeddings (C, D) of all classes. */
  text: Tensor;
  info: DatasetInfo;
  settings: RunConfig['eval'];
  /** Seen classes are penalised in inductive inference only. */
  mode: RunConfig['train']['mode'];
  loader: EvalLoader;
}

/** What a picture of one image needs: class ids, 255 where the pixel has none. */
export interface Shown {
  sample: EvalSample;
  truth: Uint8Array;
  prediction: Uint8Array;
}

export interface EvaluationHooks {
  /** Gets the first `pictures` images. */
  show?: (shown: Shown) => Promise<void>;
  pictures?: number;
  /** Called after every image. */
  progress?: (done: number, total: number) => void;
}

/** Evaluates a split with sliding windows; argmax and confusion matrices are computed on the GPU. Spec section 6. */
export async function evaluate(input: EvaluationInput, hooks: EvaluationHooks = {}): Promise<EvalReport> {
  const { engine, info, settings, mode, loader } = input;
  const classes = info.classes.length;
  const withBackground = settings.backgroundThreshold !== null && info.firstClassValue === 1;
  const matrix = engine.zeros([classes, classes], 'u32');
  const backgroundMatrix = withBackground ? engine.zeros([classes + 1, classes + 1], 'u32') : null;
  const seen = mode === 'inductive' ? info.seen : [];
  const penalty = engine.tensor(penalties(classes, seen, settings.seenPenalty), [classes]);
  let done = 0;
  for await (const sample of loader.samples()) {
    const prediction = evaluateImage(input, sample, { matrix, backgroundMatrix, penalty });
    if (done < (hooks.pictures ?? 0)) {
      const labels = Uint8Array.from(await prediction.read());
      await hooks.show?.({ sample, truth: truthOf(sample, info), prediction: labels });
    } else {
      await engine.settle();
    }
    prediction.dispose();
    hooks.progress?.(++done, loader.length);
  }
  const report = {
    ...(await reportOf(matrix, info.classes, info.novel)),
    withBackground: backgroundMatrix
      ? await reportOf(
          backgroundMatrix,
          ['background', ...info.classes],
          info.novel.map((id) => id + 1),
        )
      : null,
  };
  for (const tensor of [matrix, backgroundMatrix, penalty]) tensor?.dispose();
  return report;
}

interface Accumulators {
  matrix: Tensor;
  backgroundMatrix: Tensor | null;
  penalty: Tensor;
}

/** Adds one image to the matrices and returns its prediction at the original size. */
function evaluateImage(input: EvaluationInput, sample: EvalSample, into: Accumulators): Tensor {
  const { engine, weights, model, text, info, settings } = input;
  const { height, width, originalHeight, originalWidth } = sample;
  const size = { height: originalHeight, width: originalWidth };
  const shape = [1, originalHeight, originalWidth];
  return engine.scope(() => {
    const image = engine.tensor(sample.image, [1, 3, height, width]);
    const truth = engine.tensor(Uint32Array.from(truthOf(sample, info)), shape);
    const own = { image, text, penalty: into.penalty, crop: settings.crop, stride: settings.stride };
    const scored = resize({ x: slidingScores(engine, own, weights, model), ...size });
    const prediction = argmax({ scores: scored, backgroundBelow: null });
    addConfusion({ prediction, truth, matrix: into.matrix });
    if (into.backgroundMatrix) {
      const labelled = argmax({ scores: scored, backgroundBelow: settings.backgroundThreshold });
      // mask files of data with background hold 0 for it and class + 1, which is what argmax gives
      const raw = engine.tensor(Uint32Array.from(sample.truth), shape);
      addConfusion({ prediction: labelled, truth: raw, matrix: into.backgroundMatrix });
    }
    return prediction;
  });
}

function truthOf(sample: EvalSample, info: DatasetInfo): Uint8Array {
  return mapLabels(sample.truth, classTable(info), new Uint8Array(sample.truth.length).fill(ignoredLabel));
}

async function reportOf(matrix: Tensor, names: readonly string[], novel: readonly number[]) {
  const counts = confusionMatrix(names.length);
  addCounts(counts, await matrix.read());
  return scoreReport(scores(counts, novel), names, novel);
}
