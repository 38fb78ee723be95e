import type { Atlas } from '../embedded/atlas.ts';
import { localPool, threadPool } from '../threads/pool.ts';
import { prefetched } from '../threads/prefetch.ts';
import { type BatchOptions, drawBatch, type HostBatch } from './batch.ts';
import type { CaptionBook } from './captions.ts';

/** The batches of a stage, one after the other. */
export interface BatchSource {
  /** The next batch, and the milliseconds that this call waited for it. */
  next(): Promise<{ batch: HostBatch; waitMs: number }>;
  close(): Promise<void>;
}

interface SourceOptions extends BatchOptions {
  /** Threads that draw from the project's own atlas; 0: the calling thread does, from `atlas`. */
  workers: number;
  /** Batches drawn ahead for each thread, 1 at least. */
  prefetch: number;
  atlas: Atlas;
  book: CaptionBook;
  /** Step of the first batch. */
  from: number;
}

/** Batches from step `from` on. The number of threads does not change what comes out. */
export function openBatchSource(options: SourceOptions): BatchSource {
  const { workers, prefetch, atlas, book, from, ...setup } = options;
  const module = new URL('./batch_work.ts', import.meta.url).href;
  const pool =
    workers === 0
      ? localPool((step) => drawBatch(atlas, book, setup, step))
      : threadPool<HostBatch>({ module, setup }, workers);
  const ahead = prefetched(pool, prefetch * workers, from);
  return {
    next: async () => {
      const start = performance.now();
      return { batch: await ahead(), waitMs: performance.now() - start };
    },
    close: pool.close,
  };
}
