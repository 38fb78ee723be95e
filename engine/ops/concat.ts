import { ShapeError } from '../errors.ts';
import { engineOf } from '../launch.ts';
import { defineOp } from '../op.ts';
import { sameShape, show } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { around, assemble, slicePiece, wholePiece, withAxis } from './assemble.ts';

interface ConcatArgs {
  /** At least one; equal shapes but for the axis. */
  parts: Tensor[];
  axis: number;
}

/** Joins tensors along an axis. */
export const concat = defineOp({
  name: 'concat',
  forward: ({ parts, axis }: ConcatArgs) => {
    const [{ shape }] = parts;
    if (!(axis >= 0 && axis < shape.length)) throw new ShapeError(`concat: axis ${axis} of ${show(shape)}`);
    for (const part of parts) {
      if (!sameShape(withAxis(part.shape, axis, 0), withAxis(shape, axis, 0))) {
        throw new ShapeError(`concat: ${show(part.shape)} beside ${show(shape)} along axis ${axis}`);
      }
    }
    const lengths = parts.map((part) => part.shape[axis]);
    const total = lengths.reduce((a, b) => a + b, 0);
    const pieces = parts.map((part) => wholePiece(part, axis));
    const y = assemble(engineOf(parts), around(shape, axis).outer, pieces, withAxis(shape, axis, total));
    return { output: y, save: { axis, lengths, wanted: parts.map((part) => part.requiresGrad) } };
  },
  vjp: (dy, { axis, lengths, wanted }) => {
    const engine = engineOf({ dy });
    const { outer } = around(dy.shape, axis);
    let start = 0;
    const parts = lengths.map((length, i) => {
      const piece = slicePiece(dy, axis, start, length);
      start += length;
      return wanted[i] ? assemble(engine, outer, [piece], withAxis(dy.shape, axis, length)) : undefined;
    });
    return { parts };
  },
});
