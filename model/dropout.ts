import { dropout } from '../engine/ops/index.ts';
import type { Tensor } from '../engine/tensor.ts';

/** Where one dropout mask of a step comes from; attention takes it as it is. */
export interface DropoutMask {
  probability: number;
  /** (4), u32: seed low, seed high, step, 0. */
  random: Tensor;
  /** Number of the mask within the step. */
  op: number;
}

/** Hands out the dropout masks of one training step, micro-batches included; without random state there are none. */
export class DropoutMasks {
  private used = 0;
  private readonly random: Tensor | null;

  constructor(random: Tensor | null) {
    this.random = random;
  }

  /** Whether this is training. */
  get active(): boolean {
    return this.random !== null;
  }

  next(probability: number): DropoutMask | undefined {
    if (this.random === null || probability === 0) return undefined;
    return { probability, random: this.random, op: this.used++ };
  }

  /** x * keep / (1 - p), or x itself in evaluation. */
  apply(x: Tensor, probability: number): Tensor {
    const mask = this.next(probability);
    return mask ? dropout({ x, ...mask }) : x;
  }
}

/** Evaluation: nothing is dropped. */
export const noDropout = new DropoutMasks(null);
