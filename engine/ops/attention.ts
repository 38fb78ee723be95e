import { separate } from '../../kernels/attention/dims.ts';
import { ShapeError } from '../errors.ts';
import { engineOf } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { attend, attendBackward, attentionSettings } from './attend.ts';
import type { DropoutMask } from './dropout_mask.ts';

interface AttentionArgs {
  /** (B, Nq, W): the heads' columns side by side. */
  q: Tensor;
  /** (B, Nk, W) */
  k: Tensor;
  /** (B, Nk, W) */
  v: Tensor;
  heads: number;
  /** Hides the keys behind each query; wants Nq = Nk. */
  causal?: boolean;
  dropout?: DropoutMask;
}

/** softmax(q k^T / sqrt(W / heads)) v for each head: (B, Nq, W). Vaswani et al. 2017, arXiv:1706.03762. */
export const attention = defineOp({
  name: 'attention',
  forward: (args: AttentionArgs) => {
    const { q, k, v } = args;
    expectShape('attention: q', q.shape, [null, null, null]);
    const [batch, queries, width] = q.shape;
    expectShape('attention: k', k.shape, [batch, null, width]);
    expectShape('attention: v', v.shape, k.shape);
    const keys = k.shape[1];
    const { headDim, settings } = attentionSettings('attention', width, args);
    if (args.causal && queries !== keys) {
      throw new ShapeError(`attention: causal with ${queries} queries and ${keys} keys, wanted as many`);
    }
    const dims = separate({ batch, heads: args.heads, queries, keys, headDim }, settings);
    return attend({ dims, q, k, v, random: args.dropout?.random });
  },
  vjp: (dy, saved, needs) => {
    const { q, k, v } = saved;
    const engine = engineOf({ dy });
    const grads: Gradients<AttentionArgs> = {};
    if (needs.q) grads.q = engine.empty(q.shape, q.dtype);
    if (needs.k) grads.k = engine.empty(k.shape, k.dtype);
    if (needs.v) grads.v = engine.empty(v.shape, v.dtype);
    attendBackward(dy, saved, { dq: grads.q, dk: grads.k, dv: grads.v });
    return grads;
  },
});
