import { ShapeError } from '../errors.ts';
import { engineOf } from '../launch.ts';
import { defineOp } from '../op.ts';
import { show } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { around, assemble, slicePiece, wholePiece, withAxis, zeroPiece } from './assemble.ts';

interface SplitArgs {
  x: Tensor;
  axis: number;
  /** They add up to the axis. */
  sizes: readonly number[];
}

/** Cuts an axis into consecutive parts. Parts that get no gradient count as zero. */
export const split = defineOp({
  name: 'split',
  forward: ({
    x,
    axis,
    sizes,
  }: SplitArgs): { output: Tensor[]; save: Omit<SplitArgs, 'x'> & { shape: readonly number[] } } => {
    const total = sizes.reduce((a, b) => a + b, 0);
    if (total !== x.shape[axis] || sizes.some((size) => size < 1)) {
      throw new ShapeError(`split: parts of ${sizes.join(' + ')} on axis ${axis} of ${show(x.shape)}`);
    }
    const engine = engineOf({ x });
    const { outer } = around(x.shape, axis);
    let start = 0;
    const output = sizes.map((size) => {
      const piece = slicePiece(x, axis, start, size);
      start += size;
      return assemble(engine, outer, [piece], withAxis(x.shape, axis, size));
    });
    return { output, save: { axis, sizes, shape: x.shape } };
  },
  vjp: (dys, { axis, sizes, shape }) => {
    const { outer, inner } = around(shape, axis);
    const pieces = sizes.map((size, i) => {
      const dy = dys[i];
      return dy ? wholePiece(dy, axis) : zeroPiece(size * inner);
    });
    return { x: assemble(engineOf({ dys }), outer, pieces, shape) };
  },
});
