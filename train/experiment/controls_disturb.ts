import { Random } from '../../engine/random.ts';
import type { HostTensor } from '../../model/weights/tensor_file.ts';
import type { Dataset } from '../data/datasets/dataset.ts';

/** Keep the disturbances apart from the other uses of a seed. */
const MASK_STREAM = 0x6d61736b;
const TEXT_STREAM = 0x70657274;

/** The same images and the same masks, but every image has the mask of another one. */
export function shuffleMasks(dataset: Dataset, seed: number): Dataset {
  const { items } = dataset;
  const other = derangement(items.length, new Random(seed, MASK_STREAM));
  return { ...dataset, items: items.map((item, index) => ({ ...item, mask: items[other[index]!]!.mask })) };
}

/** Embeddings (C, D) in which every class of `ids` has the row of another of them. */
export function permuteRows(text: HostTensor, ids: readonly number[], seed: number): HostTensor {
  const width = text.shape[1]!;
  const given = text.data as Float32Array;
  const data = Float32Array.from(given);
  const other = derangement(ids.length, new Random(seed, TEXT_STREAM));
  ids.forEach((id, index) => {
    const from = ids[other[index]!]! * width;
    data.set(given.subarray(from, from + width), id * width);
  });
  return { ...text, data };
}

/**
 * A random order of 0 .. count - 1 in which nothing stays at its place: one single cycle through all of them.
 * @throws RangeError for less than two.
 */
export function derangement(count: number, random: Random): number[] {
  if (count < 2) throw new RangeError(`${count} cannot change places`);
  const cycle = random.shuffle(Array.from({ length: count }, (_, index) => index));
  const order = new Array<number>(count);
  cycle.forEach((from, place) => {
    order[from] = cycle[(place + 1) % count]!;
  });
  return order;
}
