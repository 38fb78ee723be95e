import { ShapeError } from '../errors.ts';
import { engineOf } from '../launch.ts';
import { defineOp } from '../op.ts';
import { show } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { accumulate } from './accumulate.ts';
import { around, assemble, slicePiece, wholePiece, withAxis, zeroPiece } from './assemble.ts';

interface SliceArgs {
  x: Tensor;
  axis: number;
  start: number;
  length: number;
}

/** Positions start .. start + length - 1 of an axis. */
export const slice = defineOp({
  name: 'slice',
  forward: ({ x, axis, start, length }: SliceArgs) => {
    const whole = x.shape[axis] ?? -1;
    if (start < 0 || length < 1 || start + length > whole) {
      throw new ShapeError(`slice: ${start} to ${start + length} on axis ${axis} of ${show(x.shape)}`);
    }
    const engine = engineOf({ x });
    const save = { axis, start, whole };
    if (length === whole) return { output: engine.view(x, x.shape), save };
    const piece = slicePiece(x, axis, start, length);
    const y = assemble(engine, around(x.shape, axis).outer, [piece], withAxis(x.shape, axis, length));
    return { output: y, save };
  },
  adds: ['x'],
  vjp: (dy, { axis, start, whole }, _, before) => {
    const engine = engineOf({ dy });
    const { outer, length, inner } = around(dy.shape, axis);
    if (length === whole) return { x: before.x ? accumulate({ a: before.x, b: dy }) : dy };
    const front = zeroPiece(start * inner);
    const back = zeroPiece((whole - start - length) * inner);
    const shape = withAxis(dy.shape, axis, whole);
    return { x: assemble(engine, outer, [front, wholePiece(dy, axis), back], shape, before.x) };
  },
});
