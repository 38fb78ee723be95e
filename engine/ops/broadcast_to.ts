import { engineOf } from '../launch.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { assemble } from './assemble.ts';
import { sumTo } from './broadcast.ts';

interface BroadcastToArgs {
  /** (...) */
  x: Tensor;
  batch: number;
}

/** (batch, ...): the same values for every element of a batch. The gradient is the sum over the batch. */
export const broadcastTo = defineOp({
  name: 'broadcastTo',
  forward: ({ x, batch }: BroadcastToArgs) => {
    const piece = { source: x, length: x.size, stride: 0, start: 0 };
    return {
      output: assemble(engineOf({ x }), batch, [piece], [batch, ...x.shape]),
      save: { shape: x.shape },
    };
  },
  vjp: (dy, { shape }) => ({ x: sumTo(dy, shape) }),
});
