import { engineOf } from '../launch.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

interface ReshapeArgs {
  x: Tensor;
  /** As many elements as x. */
  shape: readonly number[];
}

/** The same values under another shape; nothing is copied. */
export const reshape = defineOp({
  name: 'reshape',
  forward: ({ x, shape }: ReshapeArgs) => ({
    output: engineOf({ x }).view(x, shape),
    save: { shape: x.shape },
  }),
  vjp: (dy, { shape }) => ({ x: engineOf({ dy }).view(dy, shape) }),
});
