import { add } from '../../kernels/elementwise/add.ts';
import { engineOf, launch } from '../launch.ts';
import type { Tensor } from '../tensor.ts';

/** a + b for two gradients of one tensor; not differentiable itself. */
export function accumulate({ a, b }: { a: Tensor; b: Tensor }): Tensor {
  return engineOf({ a }).view(launch(add, { count: a.size, period: a.size }, { a, b }).y, a.shape);
}
