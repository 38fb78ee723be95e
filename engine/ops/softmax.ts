import { softmaxBackward, softmaxForward } from '../../kernels/softmax/softmax.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { rowsOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface SoftmaxArgs {
  /** (..., cols) */
  x: Tensor;
}

/** exp(x) / sum exp(x) over the last axis. */
export const softmax = defineOp({
  name: 'softmax',
  forward: ({ x }: SoftmaxArgs) => {
    const y = engineOf({ x }).empty(x.shape, x.dtype);
    launch(softmaxForward, rowsOf(x.shape), { x, y });
    return { output: y, save: { y } };
  },
  vjp: (dy, { y }) => {
    const dx = engineOf({ y }).empty(y.shape, y.dtype);
    return { x: launch(softmaxBackward, rowsOf(y.shape), { dy, y, dx }).dx };
  },
});
