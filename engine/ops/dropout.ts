import { dropoutDims, dropout as dropoutKernel } from '../../kernels/dropout/dropout.ts';
import { ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface DropoutArgs {
  x: Tensor;
  /** Share of elements set to 0; at least 0, below 1. */
  probability: number;
  /** (4), u32: seed low, seed high, step, 0. */
  random: Tensor;
  /** Number of the mask within the step. */
  op: number;
}

/**
 * x * keep / (1 - probability), Srivastava et al. 2014. The mask depends on seed, step, op and element only, so
 * backward draws it again and nothing is stored.
 */
export const dropout = defineOp({
  name: 'dropout',
  forward: ({ x, probability, random, op }: DropoutArgs) => {
    expectShape('dropout: random', random.shape, [4]);
    if (!(probability >= 0 && probability < 1)) {
      throw new ShapeError(`dropout: probability ${probability}, wanted at least 0 and below 1`);
    }
    const dims = dropoutDims(x.size, op, probability);
    const y = engineOf({ x }).empty(x.shape, x.dtype);
    return { output: launch(dropoutKernel, dims, { x, random, y }).y, save: { random, dims } };
  },
  vjp: (dy, { random, dims }) => {
    const dx = engineOf({ dy }).empty(dy.shape, dy.dtype);
    return { x: launch(dropoutKernel, dims, { x: dy, random, y: dx }).y };
  },
});
