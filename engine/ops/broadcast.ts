import { columnSums } from '../../kernels/reduce/columns.ts';
import { ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
import { product, type Shape, sameShape, show } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { stored } from './cast.ts';
import { total } from './sum_all.ts';

/** @throws ShapeError unless b is shaped like a, like a's last axes, or is a single element. */
export function expectBroadcast(op: string, a: Tensor, b: Tensor): void {
  const { length } = b.shape;
  const fits = length <= a.shape.length && sameShape(b.shape, a.shape.slice(a.shape.length - length));
  if (fits || b.size === 1) return;
  throw new ShapeError(`${op}: b ${show(b.shape)} fits neither a ${show(a.shape)} nor its last axes`);
}

/** The gradient of a broadcast: x summed over the leading axes that `shape` lacks, stored as x is. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  const engine = engineOf({ x });
  const cols = product(shape);
  if (cols === x.size) return engine.view(x, shape);
  const sum =
    cols === 1 ? total(stored(x, 'f32')) : launch(columnSums, { rows: x.size / cols, cols }, { x }).y;
  return engine.view(stored(sum, x.dtype), shape);
}
