import type { Engine } from '../../engine/engine.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Weights } from '../../model/store.ts';
import type { RunConfig } from '../config/config.ts';
import type { DatasetInfo } from '../data/datasets/info.ts';
import { classTable, ignoredLabel, mapLabels } from '../data/labels.ts';
import type { EvalLoader, EvalSample } from '../data/loader.ts';
import { labelPixels, penalties } from './inference.ts';
import { type ConfusionMatrix, type EvalReport, scoreReport, scores } from './metrics.ts';
import { PixelCounts } from './pixel_counts.ts';

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
  /** Place of the image in the split. */
  index: number;
  sample: EvalSample;
  truth: Uint8Array;
  prediction: Uint8Array;
  /** The prediction that may also be background, 255; null where the evaluation is without background. */
  withBackground: Uint8Array | null;
}

export interface EvaluationHooks {
  /** Gets the first `pictures` images. */
  show?: (shown: Shown) => Promise<void>;
  pictures?: number;
  /** Gets the pixel counts that the report was made of; the second ones have background as their first class. */
  counted?: (counts: ConfusionMatrix, withBackground: ConfusionMatrix | null) => void;
  /** Called after every image. */
  progress?: (done: number, total: number) => void;
}

/** Evaluates a split with sliding windows; argmax and confusion matrices are computed on the GPU. */
export async function evaluate(input: EvaluationInput, hooks: EvaluationHooks = {}): Promise<EvalReport> {
  const { engine, info, settings, mode, loader } = input;
  const classes = info.classes.length;
  const withBackground = settings.backgroundThreshold !== null && info.firstClassValue === 1;
  const matrix = new PixelCounts(engine, classes);
  const backgroundMatrix = withBackground ? new PixelCounts(engine, classes + 1) : null;
  const seen = mode === 'inductive' ? info.seen : [];
  const penalty = engine.tensor(penalties(classes, seen, settings.seenPenalty), [classes]);
  let done = 0;
  for await (const sample of loader.samples()) {
    const truth = truthOf(sample, info);
    await matrix.reserve(truth.length);
    await backgroundMatrix?.reserve(truth.length);
    const { prediction, labelled } = evaluateImage(input, sample, truth, {
      matrix,
      backgroundMatrix,
      penalty,
    });
    if (done < (hooks.pictures ?? 0)) {
      await hooks.show?.({
        index: done,
        sample,
        truth,
        prediction: Uint8Array.from(await prediction.read()),
        // label 0 is background, label k class k - 1
        withBackground: labelled && Uint8Array.from(await labelled.read(), (label) => (label + 255) % 256),
      });
    } else {
      await engine.settle();
    }
    prediction.dispose();
    labelled?.dispose();
    engine.trim();
    done += 1;
    hooks.progress?.(done, loader.length);
  }
  const counts = await matrix.take();
  const backgroundCounts = backgroundMatrix && (await backgroundMatrix.take());
  penalty.dispose();
  hooks.counted?.(counts, backgroundCounts);
  const shifted = info.novel.map((id) => id + 1);
  return {
    ...scoreReport(scores(counts, info.novel), info.classes, info.novel),
    withBackground:
      backgroundCounts &&
      scoreReport(scores(backgroundCounts, shifted), ['background', ...info.classes], shifted),
  };
}

interface Accumulators {
  matrix: PixelCounts;
  backgroundMatrix: PixelCounts | null;
  penalty: Tensor;
}

/**
 * Adds one image to the matrices. Returns its prediction at the original size, class ids, and the one that may be
 * background: 0, or a class id + 1.
 */
function evaluateImage(input: EvaluationInput, sample: EvalSample, labels: Uint8Array, into: Accumulators) {
  const { engine, weights, model, text, settings } = input;
  const { height, width, originalHeight, originalWidth } = sample;
  const shape = [1, originalHeight, originalWidth];
  return engine.scope(() => {
    const image = engine.tensor(sample.image, [1, 3, height, width]);
    const truth = engine.tensor(Uint32Array.from(labels), shape);
    const own = { image, text, penalty: into.penalty, crop: settings.crop, stride: settings.stride };
    const wanted = {
      height: originalHeight,
      width: originalWidth,
      backgroundBelow: into.backgroundMatrix ? [null, settings.backgroundThreshold] : [null],
    };
    const [prediction, labelled = null] = labelPixels(engine, own, wanted, weights, model);
    into.matrix.add(prediction, truth);
    if (into.backgroundMatrix && labelled) {
      // mask files of data with background hold 0 for it and class + 1, which is what argmax gives
      const raw = engine.tensor(Uint32Array.from(sample.truth), shape);
      into.backgroundMatrix.add(labelled, raw);
    }
    return { prediction, labelled };
  });
}

function truthOf(sample: EvalSample, info: DatasetInfo): Uint8Array {
  return mapLabels(sample.truth, classTable(info), new Uint8Array(sample.truth.length).fill(ignoredLabel));
}
