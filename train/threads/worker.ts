import { parentPort, workerData } from 'node:worker_threads';
import { takeApart } from './failure.ts';
import type { Answer, Assignment, WorkModule } from './pool.ts';

/** Entry of a thread: answers each index it is sent with that product of the setup it was started with. */
const { module, setup } = workerData as Assignment;
const { createWork, buffersOf } = (await import(module)) as WorkModule<unknown, unknown>;
const work = createWork(setup);
const port = parentPort!;

port.on('message', async (index: number) => {
  try {
    const product = await work(index);
    port.postMessage({ product } satisfies Answer<unknown>, buffersOf(product));
  } catch (error) {
    port.postMessage({ failure: takeApart(error) } satisfies Answer<unknown>);
  }
});
