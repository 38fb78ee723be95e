import { add, type DropoutMask, dropout, dropoutCopies } from '../engine/ops/index.ts';
import type { Tensor } from '../engine/tensor.ts';

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

  /** `body`, made to draw the same masks every time it runs: for a `recompute` that begins now. */
  repeatable<Args extends readonly unknown[], T>(body: (...args: Args) => T): (...args: Args) => T {
    const first = this.used;
    return (...args) => {
      const later = this.used;
      this.used = first;
      const result = body(...args);
      this.used = Math.max(this.used, later);
      return result;
    };
  }

  next(probability: number): DropoutMask | undefined {
    if (this.random === null || probability === 0) return undefined;
    return { probability, random: this.random, op: this.used++ };
  }

  /** residual + x * keep / (1 - p), or residual + x in evaluation; x alone where no residual is given. */
  apply(x: Tensor, probability: number, residual?: Tensor): Tensor {
    const mask = this.next(probability);
    if (mask) return dropout({ x, ...mask, ...(residual && { residual }) });
    return residual ? add({ a: residual, b: x }) : x;
  }

  /** Copies of each item of x (n, ...), each with its own mask: (n, copies, ...); x itself where nothing is dropped. */
  applyToCopies(x: Tensor, copies: number, probability: number): Tensor {
    const mask = this.next(probability);
    return mask ? dropoutCopies({ x, copies, ...mask }) : x;
  }
}

/** Evaluation: nothing is dropped. */
export const noDropout = new DropoutMasks(null);
