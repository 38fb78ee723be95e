import { packed } from '../../kernels/attention/dims.ts';
import { engineOf } from '../launch.ts';
import { defineOp } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { attend, attendBackward, attentionSettings } from './attend.ts';
import type { DropoutMask } from './dropout_mask.ts';

interface SelfAttentionArgs {
  /** (B, N, 3 W): queries, keys and values side by side, each with its heads' columns side by side. */
  qkv: Tensor;
  heads: number;
  /** Hides the tokens behind each token. */
  causal?: boolean;
  dropout?: DropoutMask;
}

/** `attention` with queries, keys and values packed in one tensor: (B, N, W). The gradient is packed, too. */
export const selfAttention = defineOp({
  name: 'selfAttention',
  forward: (args: SelfAttentionArgs) => {
    const { qkv } = args;
    expectShape('selfAttention: qkv', qkv.shape, [null, null, null]);
    const [batch, tokens, row] = qkv.shape;
    const { headDim, settings } = attentionSettings('selfAttention', row / 3, args);
    const dims = packed({ batch, heads: args.heads, tokens, headDim }, settings);
    return attend({ dims, q: qkv, k: qkv, v: qkv, random: args.dropout?.random });
  },
  vjp: (dy, saved) => {
    const dqkv = engineOf({ dy }).empty(saved.q.shape, saved.q.dtype);
    attendBackward(dy, saved, { dq: dqkv, dk: dqkv, dv: dqkv });
    return { qkv: dqkv };
  },
});
