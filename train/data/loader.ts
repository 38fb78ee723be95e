import type { TrainingMode } from '../config/schema.ts';
import { localPool, type Pool, threadPool } from '../threads/pool.ts';
import { prefetched } from '../threads/prefetch.ts';
import type { Dataset } from './datasets/dataset.ts';
import type { AugmentOptions } from './image/augment.ts';
import {
  createWork,
  type EvalSample,
  type EvalSetup,
  type Product,
  type Setup,
  type TrainBatch,
  type TrainSetup,
} from './loader_work.ts';

export type { EvalSample } from './loader_work.ts';

/** Settings of both loaders. */
interface LoaderOptions {
  dataset: Dataset;
  /** Threads that decode and augment; 0: the calling thread does. Does not change what comes out. */
  workers: number;
  /** Products made ahead, 1 at least; use `workers` or more to keep every thread busy. */
  prefetch: number;
}

export interface TrainLoaderOptions extends LoaderOptions {
  mode: TrainingMode;
  seed: number;
  /** B, samples in a batch. */
  batch: number;
  augment: AugmentOptions;
}

export interface EvalLoaderOptions extends LoaderOptions {
  /** The shorter side of a test image in pixels. */
  shortSide: number;
  /** Only the first images of the split; default: all. */
  maxImages?: number;
}

/** A batch and how it came. */
export interface Batch extends TrainBatch {
  /** Number of the batch, 0 first. */
  step: number;
  /** Milliseconds that `next()` took: what the trainer waited for data. */
  waitMs: number;
}

/** An endless stream of batches, a pure function of (dataset, options, step). */
export interface TrainLoader {
  /** The next batch. @throws DataError where one of its files is missing or damaged. */
  next(): Promise<Batch>;
  /** Makes batch number `step` the next one, as if all before had been taken. */
  startAt(step: number): void;
  /** Stops the threads. */
  close(): Promise<void>;
}

/** Batches for training, in random order and augmented. Starts at batch 0. */
export function createTrainLoader(options: TrainLoaderOptions): TrainLoader {
  const { dataset, mode, seed, batch, augment } = options;
  const { info, items } = dataset;
  const setup: TrainSetup = { kind: 'train', info, items, mode, seed, batch, augment };
  const pool = createPool(setup, options.workers);
  let step = 0;
  let ahead = prefetched(pool, options.prefetch, step);
  return {
    startAt: (first) => {
      step = first;
      ahead = prefetched(pool, options.prefetch, first);
    },
    next: async () => {
      const start = performance.now();
      const number = step++;
      const product = await ahead();
      return { ...product, step: number, waitMs: performance.now() - start };
    },
    close: pool.close,
  };
}

/** The images of a split for evaluation, one by one. */
export interface EvalLoader {
  /** Number of samples in one pass. */
  length: number;
  /** One pass in the order of the split. @throws DataError where a file is missing or damaged. */
  samples(): AsyncGenerator<EvalSample, void, undefined>;
  /** Stops the threads. */
  close(): Promise<void>;
}

/** Test images, their short side resized, and their masks as stored. */
export function createEvalLoader(options: EvalLoaderOptions): EvalLoader {
  const { dataset, shortSide, maxImages = Number.POSITIVE_INFINITY } = options;
  const items = dataset.items.slice(0, maxImages);
  const setup: EvalSetup = { kind: 'eval', info: dataset.info, items, shortSide };
  const { length } = items;
  const pool = createPool(setup, options.workers);
  return {
    length,
    samples: async function* () {
      const ahead = prefetched(pool, options.prefetch, 0, length);
      for (let index = 0; index < length; index++) yield await ahead();
    },
    close: pool.close,
  };
}

function createPool<S extends Setup>(setup: S, workers: number): Pool<Product<S>> {
  if (workers === 0) return localPool(createWork(setup));
  const module = new URL('./loader_work.ts', import.meta.url).href;
  return threadPool({ module, setup }, workers);
}
