import type { Pool } from './pool.ts';

/**
 * Takes the products `first`, `first` + 1, ... one after the other, and has `depth` of them made ahead. None
 * is requested before the first is taken, or from `end` on.
 */
export function prefetched<P>(
  pool: Pool<P>,
  depth: number,
  first: number,
  end = Number.POSITIVE_INFINITY,
): () => Promise<P> {
  const queue: Promise<P>[] = [];
  let index = first;
  return () => {
    while (queue.length <= depth && index < end) {
      const product = pool.run(index++);
      // A failure counts when its turn comes; until then it must not end the process.
      product.catch(() => {});
      queue.push(product);
    }
    return queue.shift()!;
  };
}
