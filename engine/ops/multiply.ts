import { multiply as multiplyKernel } from '../../kernels/elementwise/multiply.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { expectBroadcast, sumTo } from './broadcast.ts';

interface MultiplyArgs {
  a: Tensor;
  /** Shaped like a, or like its last axes, or a single element. */
  b: Tensor;
}

/** a * b, element by element, b broadcast over leading axes. */
export const multiply = defineOp({
  name: 'multiply',
  forward: ({ a, b }: MultiplyArgs) => {
    expectBroadcast('multiply', a, b);
    return { output: times(a, b), save: { a: b.requiresGrad ? a : null, b, shape: b.shape } };
  },
  vjp: (dy, { a, b, shape }, needs) => {
    const grads: Gradients<MultiplyArgs> = {};
    if (needs.a) grads.a = times(dy, b);
    if (needs.b && a) grads.b = sumTo(times(dy, a), shape);
    return grads;
  },
});

function times(a: Tensor, b: Tensor): Tensor {
  const y = engineOf({ a }).empty(a.shape, a.dtype);
  return launch(multiplyKernel, { count: a.size, period: b.size }, { a, b, y }).y;
}
