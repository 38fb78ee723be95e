import { transpose } from '../../kernels/transpose/transpose.ts';
import { ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { product, show } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface TransposeLastArgs {
  /** (..., rows, cols) */
  x: Tensor;
}

/** (..., cols, rows): swaps the last two axes. */
export const transposeLast = defineOp({
  name: 'transposeLast',
  forward: ({ x }: TransposeLastArgs) => {
    if (x.shape.length < 2)
      throw new ShapeError(`transposeLast: x is ${show(x.shape)}, wanted two axes or more`);
    return { output: swapped(x), save: null };
  },
  vjp: (dy) => ({ x: swapped(dy) }),
});

function swapped(x: Tensor): Tensor {
  const leading = x.shape.slice(0, -2);
  const [rows, cols] = x.shape.slice(-2);
  const y = engineOf({ x }).empty([...leading, cols, rows]);
  return launch(transpose, { batch: product(leading), rows, cols }, { x, y }).y;
}
