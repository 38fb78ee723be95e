import { parentPort, workerData } from 'node:worker_threads';
import { type Answer, takeApart } from './loader_pool.ts';
import { buffersOf, createWork, type Setup } from './loader_work.ts';

/** Entry of a data thread: answers each index it is sent with that product of the setup it was started with. */
const work = createWork(workerData as Setup);
const port = parentPort!;

port.on('message', async (index: number) => {
  try {
    const product = await work(index);
    port.postMessage({ product } satisfies Answer, buffersOf(product));
  } catch (error) {
    port.postMessage({ failure: takeApart(error) } satisfies Answer);
  }
});
