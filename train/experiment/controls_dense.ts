import type { Engine } from '../../engine/engine.ts';
import { matmul, reshape, resize, transposeLast } from '../../engine/ops/index.ts';
import { imageFeatures } from '../../model/clip.ts';
import { ParameterStore } from '../../model/store.ts';
import { imageTowerSpecs } from '../../model/tower_specs.ts';
import type { RunConfig } from '../config/config.ts';
import { openDataset } from '../data/datasets/dataset.ts';
import type { DatasetInfo } from '../data/datasets/info.ts';
import { classTable, ignoredLabel, mapLabels } from '../data/labels.ts';
import type { EvalSample } from '../data/loader.ts';
import { openEvalLoader } from '../evaluation/eval_loader.ts';
import { addImage, confusionMatrix, type ScoreReport, scoreReport, scores } from '../evaluation/metrics.ts';
import { initialWeights } from '../weights.ts';
import { type Figures, figuresOf } from './figures.ts';

/** The nearest class of every pixel of an image and how near it is. */
export interface DenseImage {
  /** Mask values: class + 1, 0 for background. */
  truth: Uint8Array;
  /** Class ids. */
  best: Uint8Array;
  /** Cosine of that class. */
  cosine: Float32Array;
}

/** Thresholds that are tried: the cosines at these shares of all pixels. */
const candidates = Array.from({ length: 50 }, (_, index) => (index + 0.5) / 50);

/**
 * CLIP as it is, without prompts, decoders or any training on masks: each patch of the last block takes the class
 * whose text embedding is nearest. A pixel counts as background where even that class is farther than a threshold,
 * the one that is best on the split `tune`.
 */
export async function denseClip(
  engine: Engine,
  config: RunConfig,
): Promise<{ figures: Figures; threshold: number }> {
  const { data } = config;
  const { info } = await openDataset(config.dataset, data.root, data.valSplit);
  const tune = await denseImages(engine, config, 'tune');
  const threshold = bestThreshold(tune, info);
  const images = data.valSplit === 'tune' ? tune : await denseImages(engine, config, data.valSplit);
  const plain = denseReport(images, info, null);
  return {
    figures: figuresOf({ ...plain, withBackground: denseReport(images, info, threshold) }),
    threshold,
  };
}

/** The threshold with the highest hIoU with background. */
export function bestThreshold(images: readonly DenseImage[], info: DatasetInfo): number {
  const cosines = images.flatMap(({ cosine }) => [...cosine]).sort((a, b) => a - b);
  const tried = candidates.map((share) => cosines[Math.floor(share * cosines.length)]!);
  const found = tried.map((threshold) => denseReport(images, info, threshold).hiou ?? 0);
  return tried[found.indexOf(Math.max(...found))]!;
}

/** Scores of the images; with background as a class where there is a threshold, background ignored otherwise. */
export function denseReport(
  images: readonly DenseImage[],
  info: DatasetInfo,
  threshold: number | null,
): ScoreReport {
  const { classes, novel } = info;
  const background = threshold !== null;
  const names = background ? ['background', ...classes] : classes;
  const unseen = background ? novel.map((id) => id + 1) : novel;
  const matrix = confusionMatrix(names.length);
  const table = classTable(info);
  for (const { truth, best, cosine } of images) {
    if (background) {
      addImage(
        matrix,
        truth,
        best.map((id, pixel) => (cosine[pixel]! < threshold ? 0 : id + 1)),
      );
    } else {
      addImage(matrix, mapLabels(truth, table, new Uint8Array(truth.length).fill(ignoredLabel)), best);
    }
  }
  return scoreReport(scores(matrix, unseen), names, unseen);
}

async function denseImages(engine: Engine, config: RunConfig, split: string): Promise<DenseImage[]> {
  const { data, model } = config;
  const dataset = await openDataset(config.dataset, data.root, split);
  const { backbone, text } = await initialWeights(engine, config, dataset.info);
  const store = new ParameterStore(engine, imageTowerSpecs(model.vision, false), backbone, config.seed);
  const b = engine.tensor(text.data as Float32Array<ArrayBuffer>, text.shape);
  const loader = openEvalLoader(config, dataset);
  const images: DenseImage[] = [];
  try {
    for await (const sample of loader.samples()) {
      const { cosines } = await engine.fetch(() => ({
        cosines: pixelCosines(engine, sample, store, b, config),
      }));
      images.push(nearest(sample, cosines as Float32Array));
    }
  } finally {
    await loader.close();
  }
  return images;
}

/** Cosines of every pixel with every class, (1, C, height, width): those of the patches, enlarged. */
function pixelCosines(
  engine: Engine,
  { image, height, width, originalHeight, originalWidth }: EvalSample,
  store: ParameterStore,
  text: Parameters<typeof matmul>[0]['b'],
  { model: { vision } }: RunConfig,
) {
  const [rows, cols] = [Math.floor(height / vision.patch), Math.floor(width / vision.patch)];
  const { patches } = imageFeatures(
    engine,
    engine.tensor(image, [1, 3, height, width]),
    store.under('backbone'),
    vision,
  );
  const a = reshape({ x: patches, shape: [rows * cols, vision.embedDim] });
  const planes = transposeLast({ x: matmul({ a, b: text, transposeB: true }) });
  const grid = reshape({ x: planes, shape: [1, text.shape[0]!, rows, cols] });
  return resize({ x: grid, height: originalHeight, width: originalWidth });
}

function nearest({ truth }: EvalSample, cosines: Float32Array): DenseImage {
  const pixels = truth.length;
  const best = new Uint8Array(pixels);
  const cosine = cosines.slice(0, pixels);
  for (let at = pixels; at < cosines.length; at++) {
    const pixel = at % pixels;
    if (cosines[at]! <= cosine[pixel]!) continue;
    cosine[pixel] = cosines[at]!;
    best[pixel] = Math.floor(at / pixels);
  }
  return { truth, best, cosine };
}
