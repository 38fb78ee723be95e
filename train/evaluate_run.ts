import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Weights } from '../model/store.ts';
import type { RunConfig } from './config.ts';
import { openDataset } from './datasets/dataset.ts';
import { type EvaluationHooks, evaluate } from './evaluate.ts';
import { createEvalLoader } from './loader.ts';
import type { EvalReport } from './metrics.ts';
import { writeOverlay } from './overlay.ts';

export interface EvaluateRunInput {
  engine: Engine;
  weights: Weights;
  config: RunConfig;
  /** Embeddings (C, D) of all classes. */
  text: Tensor;
}

export interface PictureOptions {
  /** Folder of the pictures. */
  folder: string;
  /** How many images get one. */
  count: number;
}

/** Evaluates the validation split of a run's configuration, with pictures where they are asked for. */
export async function evaluateRun(
  { engine, weights, config, text }: EvaluateRunInput,
  pictures: PictureOptions | null,
  progress: EvaluationHooks['progress'] = () => {},
): Promise<EvalReport> {
  const { data, eval: settings, train } = config;
  const dataset = await openDataset(config.dataset, data.root, data.valSplit);
  const { info } = dataset;
  if (pictures) await mkdir(pictures.folder, { recursive: true });
  const loader = createEvalLoader({
    dataset,
    workers: data.workers,
    prefetch: data.prefetch,
    shortSide: settings.shortSide,
    maxImages: settings.maxImages ?? undefined,
  });
  try {
    const own = { engine, weights, model: config.model, text, info, settings, mode: train.mode, loader };
    return await evaluate(own, {
      progress,
      pictures: pictures?.count ?? 0,
      show: ({ sample, truth, prediction }) =>
        writeOverlay(join(pictures!.folder, `${sample.name}.png`), {
          height: sample.originalHeight,
          width: sample.originalWidth,
          image: sample.rgb,
          truth,
          prediction,
          palette: info.palette,
          names: info.classes,
          novel: info.novel,
        }),
    });
  } finally {
    await loader.close();
  }
}
