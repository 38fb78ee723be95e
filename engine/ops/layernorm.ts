import {
  layernormBackward,
  layernormForward,
  layernormParameters,
} from '../../kernels/layernorm/layernorm.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { expectShape, rowsOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface LayernormArgs {
  /** (..., cols) */
  x: Tensor;
  /** (cols) */
  gamma: Tensor;
  /** (cols) */
  beta: Tensor;
  eps: number;
}

/** y = (x - mean) / sqrt(var + eps) * gamma + beta over the last axis. Ba et al. 2016. */
export const layernorm = defineOp({
  name: 'layernorm',
  forward: ({ x, gamma, beta, eps }: LayernormArgs) => {
    const { rows, cols } = rowsOf(x.shape);
    expectShape('layernorm: gamma', gamma.shape, [cols]);
    expectShape('layernorm: beta', beta.shape, [cols]);
    const engine = engineOf({ x });
    const y = engine.empty(x.shape, x.dtype);
    const { stats } = launch(layernormForward, { rows, cols, eps }, { x, gamma, beta, y });
    return { output: y, save: { x, gamma, stats } };
  },
  adds: ['x', 'gamma', 'beta'],
  vjp: (dy, { x, gamma, stats }, needs, before) => {
    const { rows, cols } = rowsOf(x.shape);
    const grads: Gradients<LayernormArgs> = {};
    if (needs.x) {
      const base = before.x;
      const dx = engineOf({ x }).empty(x.shape, x.dtype);
      const dims = { rows, cols, extended: Number(base !== undefined) };
      grads.x = launch(layernormBackward, dims, { dy, x, gamma, stats, base, dx }).dx;
    }
    if (needs.gamma || needs.beta) {
      const extended = Number(before.gamma !== undefined || before.beta !== undefined);
      const zeros = (): Tensor | undefined => (extended ? engineOf({ x }).zeros([cols]) : undefined);
      const { dgamma, dbeta } = launch(
        layernormParameters,
        { rows, cols, extended },
        { dy, x, stats, baseGamma: before.gamma ?? zeros(), baseBeta: before.beta ?? zeros() },
      );
      grads.gamma = dgamma;
      grads.beta = dbeta;
    }
    return grads;
  },
});
