import { Worker } from 'node:worker_threads';
import type { Atlas } from '../embedded/atlas.ts';
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
  const { workers, prefetch, atlas, book, from, ...batch } = options;
  let step = from;
  if (workers === 0) {
    return {
      next: async () => {
        const start = performance.now();
        return { batch: drawBatch(atlas, book, batch, step++), waitMs: performance.now() - start };
      },
      close: async () => {},
    };
  }
  const threads = Array.from({ length: workers }, () => new DrawingThread(batch));
  const queue: Promise<HostBatch>[] = [];
  return {
    next: async () => {
      const start = performance.now();
      while (queue.length <= prefetch * workers) {
        queue.push(threads[step % workers].draw(step));
        step++;
      }
      return { batch: await queue.shift()!, waitMs: performance.now() - start };
    },
    close: async () => {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

/** One thread; answers come in the order of the requests. */
class DrawingThread {
  private readonly worker: Worker;
  private readonly waiting: { resolve(batch: HostBatch): void; reject(error: Error): void }[] = [];
  private broken: Error | null = null;

  constructor(options: BatchOptions) {
    this.worker = new Worker(new URL('./batch_thread.mjs', import.meta.url), {
      workerData: options,
      execArgv: [],
    });
    this.worker.on('message', (batch: HostBatch) => this.waiting.shift()!.resolve(batch));
    this.worker.on('error', (error: Error) => this.breakDown(error));
    this.worker.on('exit', (code) => this.breakDown(new Error(`a drawing thread ended with code ${code}`)));
  }

  draw(step: number): Promise<HostBatch> {
    const answer = new Promise<HostBatch>((resolve, reject) => {
      if (this.broken) return reject(this.broken);
      this.waiting.push({ resolve, reject });
      this.worker.postMessage(step);
    });
    // A failure counts when its turn comes; until then it must not end the process.
    answer.catch(() => {});
    return answer;
  }

  async close(): Promise<void> {
    this.breakDown(new Error('the drawing threads were closed'));
    await this.worker.terminate();
  }

  private breakDown(error: Error): void {
    this.broken ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.broken);
  }
}
