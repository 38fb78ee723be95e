import { parentPort, workerData } from 'node:worker_threads';
import { loadAtlas } from '../embedded/atlas.ts';
import { type BatchOptions, drawBatch } from './batch.ts';
import { captionBook } from './captions.ts';

/** Entry of a drawing thread: answers each step it is sent with that step's batch. */
const options = workerData as BatchOptions;
const atlas = loadAtlas();
const book = captionBook(atlas);
const port = parentPort!;

port.on('message', (step: number) => {
  const batch = drawBatch(atlas, book, options, step);
  const buffers = Object.values(batch).map(({ buffer }) => buffer as ArrayBuffer);
  port.postMessage(batch, buffers);
});
