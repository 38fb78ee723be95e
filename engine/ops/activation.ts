import * as kernels from '../../kernels/activation/activation.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

interface ActivationArgs {
  x: Tensor;
}

/** x * sigmoid(1.702 x), CLIP's GELU. */
export const quickGelu = activation('quickGelu', kernels.quickGelu, kernels.quickGeluBackward);

/** max(x, 0); the gradient at 0 is 0. */
export const relu = activation('relu', kernels.relu, kernels.reluBackward);

function activation(
  name: string,
  forward: typeof kernels.quickGelu,
  backward: typeof kernels.quickGeluBackward,
): (args: ActivationArgs) => Tensor {
  return defineOp({
    name,
    forward: ({ x }: ActivationArgs) => {
      const y = engineOf({ x }).empty(x.shape, x.dtype);
      return { output: launch(forward, { count: x.size }, { x, y }).y, save: { x } };
    },
    vjp: (dy, { x }) => {
      const dx = engineOf({ x }).empty(x.shape, x.dtype);
      return { x: launch(backward, { count: x.size, period: x.size }, { a: x, b: dy, y: dx }).y };
    },
  });
}
