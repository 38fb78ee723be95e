import { Worker } from 'node:worker_threads';
import { type Failure, restore } from './failure.ts';

/** Makes product number `index` of a setup; the same index gives the same bytes, in any order, on any thread. */
export type Work<P> = (index: number) => P | Promise<P>;

/** What a module exports whose work threads can do. */
export interface WorkModule<S, P> {
  createWork(setup: S): Work<P>;
  /** The buffers of a product, to be moved rather than copied to another thread. */
  buffersOf(product: P): ArrayBuffer[];
}

/** What a thread is started with: a {@link WorkModule} by its address, and a setup that can be copied. */
export interface Assignment {
  module: string;
  setup: unknown;
}

/** What a thread answers: the product, or the error in a form that survives the way. */
export type Answer<P> = { product: P } | { failure: Failure };

/** Makes products, here or on other threads. */
export interface Pool<P> {
  /** Product number `index`; requests start in the order they are made. */
  run(index: number): Promise<P>;
  /** Stops the threads; requests that are not done are rejected. */
  close(): Promise<void>;
}

/** A pool that does the work on this thread. */
export function localPool<P>(work: Work<P>): Pool<P> {
  return { run: async (index) => work(index), close: async () => {} };
}

interface Request<P> {
  index: number;
  resolve: (product: P) => void;
  reject: (error: Error) => void;
}

/** A pool of `workers` threads, which end with the process when they are idle. */
export function threadPool<P>(assignment: Assignment, workers: number): Pool<P> {
  const waiting: Request<P>[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Request<P>>();
  let broken: Error | null = null;

  const assign = () => {
    while (idle.length > 0 && waiting.length > 0) {
      const worker = idle.shift()!;
      const request = waiting.shift()!;
      busy.set(worker, request);
      worker.ref();
      worker.postMessage(request.index);
    }
  };
  const finish = (worker: Worker, answer: Answer<P>) => {
    const request = busy.get(worker);
    // an answer that was under way when the pool was closed
    if (request === undefined) return;
    busy.delete(worker);
    // An idle thread must not keep the process alive.
    worker.unref();
    idle.push(worker);
    if ('failure' in answer) request.reject(restore(answer.failure));
    else request.resolve(answer.product);
    assign();
  };
  const breakDown = (error: Error) => {
    broken ??= error;
    for (const request of [...busy.values(), ...waiting.splice(0)]) request.reject(broken);
    busy.clear();
  };

  const threads = Array.from({ length: workers }, () => {
    const worker = new Worker(new URL('./thread.mjs', import.meta.url), {
      workerData: assignment,
      execArgv: [],
    });
    worker.on('message', (answer: Answer<P>) => finish(worker, answer));
    worker.on('error', breakDown);
    worker.on('exit', (code) => breakDown(new Error(`a thread that prepares data ended with code ${code}`)));
    worker.unref();
    idle.push(worker);
    return worker;
  });

  return {
    run: (index) =>
      new Promise((resolve, reject) => {
        if (broken !== null) return reject(broken);
        waiting.push({ index, resolve, reject });
        assign();
      }),
    close: async () => {
      breakDown(new Error('the threads that prepare data were closed'));
      await Promise.all(threads.map((worker) => worker.terminate()));
    },
  };
}
