import * as kernels from '../../kernels/activation/activation.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

interface ActivationArgs {
  x: Tensor;
}

/** x * sigmoid(1.702 x), CLIP's GELU. After a matrix product, `linear` applies an activation at no cost. */
export const quickGelu = defineOp({
  name: 'quickGelu',
  forward: ({ x }: ActivationArgs) => {
    const y = engineOf({ x }).empty(x.shape, x.dtype);
    return { output: launch(kernels.quickGelu, { count: x.size }, { x, y }).y, save: { x } };
  },
  vjp: (dy, { x }) => {
    const dx = engineOf({ x }).empty(x.shape, x.dtype);
    const dims = { count: x.size, period: x.size };
    return { x: launch(kernels.quickGeluBackward, dims, { a: x, b: dy, y: dx }).y };
  },
});
