import { l2normBackward, l2normForward } from '../../kernels/l2norm/l2norm.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { rowsOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface L2normArgs {
  /** (..., cols); no row may be all zeros */
  x: Tensor;
}

/** x / ||x|| over the last axis, without epsilon. */
export const l2norm = defineOp({
  name: 'l2norm',
  forward: ({ x }: L2normArgs) => {
    const y = engineOf({ x }).empty(x.shape, x.dtype);
    const { inverse } = launch(l2normForward, rowsOf(x.shape), { x, y });
    return { output: y, save: { y, inverse } };
  },
  vjp: (dy, { y, inverse }) => {
    const dx = engineOf({ y }).empty(y.shape, y.dtype);
    return { x: launch(l2normBackward, rowsOf(y.shape), { dy, y, inverse, dx }).dx };
  },
});
