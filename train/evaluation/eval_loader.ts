import type { RunConfig } from '../config/config.ts';
import type { Dataset } from '../data/datasets/dataset.ts';
import { createEvalLoader, type EvalLoader } from '../data/loader.ts';

/** The images of a dataset as a run evaluates them. */
export function openEvalLoader({ data, eval: settings }: RunConfig, dataset: Dataset): EvalLoader {
  return createEvalLoader({
    dataset,
    workers: data.workers,
    prefetch: data.prefetch,
    shortSide: settings.shortSide,
    maxImages: settings.maxImages ?? undefined,
  });
}
