import { add as addKernel } from '../../kernels/elementwise/add.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { expectBroadcast, sumTo } from './broadcast.ts';

interface AddArgs {
  a: Tensor;
  /** Shaped like a, or like its last axes, or a single element. */
  b: Tensor;
}

/** a + b, b broadcast over leading axes. */
export const add = defineOp({
  name: 'add',
  forward: ({ a, b }: AddArgs) => {
    expectBroadcast('add', a, b);
    const y = engineOf({ a }).empty(a.shape, a.dtype);
    launch(addKernel, { count: a.size, period: b.size }, { a, b, y });
    return { output: y, save: { shape: b.shape } };
  },
  vjp: (dy, { shape }, needs) => {
    const grads: Gradients<AddArgs> = {};
    if (needs.a) grads.a = dy;
    if (needs.b) grads.b = sumTo(dy, shape);
    return grads;
  },
});

/** x plus a learnable number, the (1) tensor `scalar`. */
export function addScalar({ x, scalar }: { x: Tensor; scalar: Tensor }): Tensor {
  expectShape('addScalar: scalar', scalar.shape, [1]);
  return add({ a: x, b: scalar });
}
