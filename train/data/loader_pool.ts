import { Worker } from 'node:worker_threads';
import { DataError } from '../../engine/errors.ts';
import { createWork, type Product, type Setup } from './loader_work.ts';

/** Makes the products of a setup, here or on other threads. */
export interface Pool<S extends Setup> {
  /** Product number `index`; requests start in the order they are made. */
  run(index: number): Promise<Product<S>>;
  /** Stops the threads; requests that are not done are rejected. */
  close(): Promise<void>;
}

/** What a thread answers: the product, or the error in a form that survives the way. */
export type Answer = { product: Product<Setup> } | { failure: Failure };

/** An error in parts: a class does not survive the way between threads. */
export interface Failure {
  message: string;
  stack: string | undefined;
  /** Set where the error was a DataError. */
  data: { file: string; problem: string; hint: string } | null;
}

/** A pool of `workers` threads; with 0 the work is done on this thread. */
export function createPool<S extends Setup>(setup: S, workers: number): Pool<S> {
  if (workers === 0) return { run: createWork(setup), close: async () => {} };
  return createThreadPool(setup, workers);
}

/** Takes an error apart; {@link restore} puts it together. */
export function takeApart(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (!(error instanceof DataError)) return { message, stack, data: null };
  const problem = message.slice(`${error.file}: `.length);
  return { message, stack, data: { file: error.file, problem, hint: error.hint } };
}

function restore({ message, stack, data }: Failure): Error {
  if (data !== null) return new DataError(data.file, data.problem, data.hint);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

interface Request<S extends Setup> {
  index: number;
  resolve: (product: Product<S>) => void;
  reject: (error: Error) => void;
}

function createThreadPool<S extends Setup>(setup: S, workers: number): Pool<S> {
  const waiting: Request<S>[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Request<S>>();
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
  const finish = (worker: Worker, answer: Answer) => {
    const request = busy.get(worker);
    // an answer that was under way when the pool was closed
    if (request === undefined) return;
    busy.delete(worker);
    // An idle thread must not keep the process alive.
    worker.unref();
    idle.push(worker);
    if ('failure' in answer) request.reject(restore(answer.failure));
    else request.resolve(answer.product as Product<S>);
    assign();
  };
  const breakDown = (error: Error) => {
    broken ??= error;
    for (const request of [...busy.values(), ...waiting.splice(0)]) request.reject(broken);
    busy.clear();
  };

  const threads = Array.from({ length: workers }, () => {
    const worker = new Worker(new URL('./loader_thread.mjs', import.meta.url), {
      workerData: setup,
      execArgv: [],
    });
    worker.on('message', (answer: Answer) => finish(worker, answer));
    worker.on('error', breakDown);
    worker.on('exit', (code) => breakDown(new Error(`a data thread ended with code ${code}`)));
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
      breakDown(new Error('the data loader was closed'));
      await Promise.all(threads.map((worker) => worker.terminate()));
    },
  };
}
