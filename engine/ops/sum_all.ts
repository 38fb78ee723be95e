import { partsOf, sumFinish, sumPartials } from '../../kernels/sum/sum.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { assemble } from './assemble.ts';

interface SumAllArgs {
  x: Tensor;
}

/** The sum of all elements, (1), in an order that never changes. */
export const sumAll = defineOp({
  name: 'sumAll',
  forward: ({ x }: SumAllArgs) => ({ output: total(x), save: { shape: x.shape, count: x.size } }),
  vjp: (dy, { shape, count }) => {
    const piece = { source: dy, length: 1, stride: 0, start: 0 };
    return { x: assemble(engineOf({ dy }), count, [piece], shape) };
  },
});

/** {@link sumAll} without differentiation. */
export function total(x: Tensor): Tensor {
  const parts = partsOf(x.size);
  const { partials } = launch(sumPartials, { count: x.size, parts }, { x });
  return launch(sumFinish, { rows: parts, cols: 1 }, { partials }).y;
}
