import { loadAtlas } from '../embedded/atlas.ts';
import type { Work } from '../threads/pool.ts';
import { type BatchOptions, drawBatch, type HostBatch } from './batch.ts';
import { captionBook } from './captions.ts';

/** Draws the batch of a step from the project's own atlas. */
export function createWork(options: BatchOptions): Work<HostBatch> {
  const atlas = loadAtlas();
  const book = captionBook(atlas);
  return (step) => drawBatch(atlas, book, options, step);
}

export function buffersOf(batch: HostBatch): ArrayBuffer[] {
  return Object.values(batch).map(({ buffer }) => buffer);
}
