import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { Weights } from '../../model/store.ts';
import type { RunConfig } from '../config/config.ts';
import { openDataset } from '../data/datasets/dataset.ts';
import type { DatasetInfo } from '../data/datasets/info.ts';
import { openEvalLoader } from './eval_loader.ts';
import { type EvaluationHooks, evaluate, type Shown } from './evaluate.ts';
import type { EvalReport } from './metrics.ts';
import { type OverlayInput, writeOverlay } from './overlay.ts';

export interface EvaluateRunInput {
  engine: Engine;
  weights: Weights;
  config: RunConfig;
  /** Embeddings (C, D) of all classes. */
  text: Tensor;
}

export interface PictureOptions {
  /** Folder of the pictures, which must be there. */
  folder: string;
  /** How many images get one. */
  count: number;
}

/**
 * Evaluates the validation split of a run's configuration, with pictures where they are asked for. A hook that is
 * shown images gets all of them.
 */
export async function evaluateRun(
  { engine, weights, config, text }: EvaluateRunInput,
  pictures: PictureOptions | null,
  hooks: Omit<EvaluationHooks, 'pictures'> = {},
): Promise<EvalReport> {
  const { data, eval: settings, train } = config;
  const dataset = await openDataset(config.dataset, data.root, data.valSplit);
  const { info } = dataset;
  const loader = openEvalLoader(config, dataset);
  try {
    const own = { engine, weights, model: config.model, text, info, settings, mode: train.mode, loader };
    const count = pictures?.count ?? 0;
    return await evaluate(own, {
      ...hooks,
      pictures: hooks.show ? Number.POSITIVE_INFINITY : count,
      show: async (shown) => {
        await hooks.show?.(shown);
        if (pictures && shown.index < count)
          await writeOverlay(overlayFile(pictures, shown), overlayOf(shown, info));
      },
    });
  } finally {
    await loader.close();
  }
}

function overlayFile({ folder }: PictureOptions, { sample }: Shown): string {
  return join(folder, `${sample.name}.png`);
}

function overlayOf({ sample, truth, prediction }: Shown, info: DatasetInfo): OverlayInput {
  return {
    height: sample.originalHeight,
    width: sample.originalWidth,
    image: sample.rgb,
    maps: [
      { title: 'truth', labels: truth },
      { title: 'prediction', labels: prediction },
    ],
    palette: info.palette,
    names: info.classes,
    novel: info.novel,
  };
}
