import {
  dropoutCopiesBackward,
  dropoutDims,
  dropout as dropoutKernel,
} from '../../kernels/dropout/dropout.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { type DropoutMask, expectMask } from './dropout_mask.ts';

interface DropoutArgs extends DropoutMask {
  x: Tensor;
  /** Shaped like x, added to what survives. */
  residual?: Tensor;
}

/**
 * residual + x * keep / (1 - probability), Srivastava et al. 2014. The mask depends on seed, step, op and element
 * only, so backward draws it again and nothing is stored.
 */
export const dropout = defineOp({
  name: 'dropout',
  forward: ({ x, residual, ...mask }: DropoutArgs) => {
    expectMask('dropout', mask);
    if (residual) expectShape('dropout: residual', residual.shape, x.shape);
    const { random, op, probability } = mask;
    const y = engineOf({ x }).empty(x.shape, x.dtype);
    const dims = dropoutDims(x.size, op, probability, { residual: Number(residual !== undefined) });
    launch(dropoutKernel, dims, { x, random, residual, y });
    return { output: y, save: { random, dims } };
  },
  vjp: (dy, { random, dims }, needs) => {
    const grads: Gradients<DropoutArgs> = {};
    if (needs.residual) grads.residual = dy;
    if (needs.x) {
      const dx = engineOf({ dy }).empty(dy.shape, dy.dtype);
      grads.x = launch(dropoutKernel, { ...dims, residual: 0 }, { x: dy, random, y: dx }).y;
    }
    return grads;
  },
});

interface DropoutCopiesArgs extends DropoutMask {
  /** (n, ...) */
  x: Tensor;
  copies: number;
}

/** (n, copies, ...): `copies` of each item of x, each copy with a mask of its own, as {@link dropout}. */
export const dropoutCopies = defineOp({
  name: 'dropoutCopies',
  forward: ({ x, copies, ...mask }: DropoutCopiesArgs) => {
    expectMask('dropoutCopies', mask);
    const { random, op, probability } = mask;
    const [items, ...rest] = x.shape;
    const y = engineOf({ x }).empty([items, copies, ...rest], x.dtype);
    const dims = dropoutDims(y.size, op, probability, { block: x.size / items, copies });
    launch(dropoutKernel, dims, { x, random, y });
    return { output: y, save: { random, dims, shape: x.shape } };
  },
  vjp: (dy, { random, dims, shape }) => {
    const dx = engineOf({ dy }).empty(shape, dy.dtype);
    return { x: launch(dropoutCopiesBackward, dims, { dy, random, dx }).dx };
  },
});
