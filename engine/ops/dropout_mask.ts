import { ConfigError } from '../errors.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** One dropout mask of a step. It follows from these numbers and an element's place, and is stored nowhere. */
export interface DropoutMask {
  /** Share of elements set to 0; at least 0, below 1. */
  probability: number;
  /** (4), u32: seed low, seed high, step, 0. */
  random: Tensor;
  /** Number of the mask within the step. */
  op: number;
}

/**
 * @param op names the operation in the message.
 * @throws ConfigError for an impossible probability, ShapeError for a random state of another size.
 */
export function expectMask(op: string, { probability, random }: DropoutMask): void {
  expectShape(`${op}: random`, random.shape, [4]);
  if (probability >= 0 && probability < 1) return;
  throw new ConfigError(
    `${op}: dropout probability ${probability}`,
    'Give a number from 0 up to, but not including, 1.',
  );
}
