import { convert } from '../../kernels/elementwise/convert.ts';
import type { StoreType } from '../../kernels/kernel.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import type { Dtype } from '../shape.ts';
import { Tensor } from '../tensor.ts';

interface CastArgs {
  /** f32 or f16. */
  x: Tensor;
  dtype: StoreType;
}

/** x stored in another precision; x itself where it has that one. The gradient is stored as x is. */
export const cast = defineOp({
  name: 'cast',
  forward: ({ x, dtype }: CastArgs) => ({ output: stored(x, dtype), save: { dtype: x.dtype } }),
  vjp: (dy, { dtype }) => ({ x: stored(dy, dtype) }),
});

/** {@link cast} without differentiation. */
export function stored(x: Tensor, dtype: Dtype): Tensor {
  const engine = engineOf({ x });
  if (x.dtype === dtype) return engine.view(x, x.shape);
  return launch(convert, { count: x.size }, { x, y: engine.empty(x.shape, dtype) }).y;
}

/** The bits of f32 values as u32, without a copy: what kernels ask for that judge finiteness or only move values. */
export function bits(x: Tensor): Tensor {
  return engineOf({ x }).scopes.adopt(new Tensor(stored(x, 'f32').storage, x.shape, 'u32'));
}
