import { scale as scaleKernel } from '../../kernels/elementwise/scale.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

interface ScaleArgs {
  x: Tensor;
  /** A constant of the model. What changes from step to step belongs in a tensor: see `multiply`. */
  factor: number;
}

/** x * factor. */
export const scale = defineOp({
  name: 'scale',
  forward: ({ x, factor }: ScaleArgs) => ({ output: scaled(x, factor), save: { factor } }),
  vjp: (dy, { factor }) => ({ x: scaled(dy, factor) }),
});

function scaled(x: Tensor, factor: number): Tensor {
  const y = engineOf({ x }).empty(x.shape, x.dtype);
  return launch(scaleKernel, { count: x.size, factor }, { x, y }).y;
}
