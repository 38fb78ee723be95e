import {
  keyGradient,
  maskScoresBackward,
  maskScoresForward,
  queryGradient,
} from '../../kernels/mask_scores/mask_scores.ts';
import { ShapeError } from '../errors.ts';
import { launch } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface MaskScoresArgs {
  /** (B, C, W): the heads' columns side by side. */
  q: Tensor;
  /** (B, N, W) */
  k: Tensor;
  heads: number;
}

/** Attention's scores before the softmax, q k^T / sqrt(W / heads), mean over heads: (B, C, N). Li et al. 2024. */
export const maskScores = defineOp({
  name: 'maskScores',
  forward: ({ q, k, heads }: MaskScoresArgs) => {
    expectShape('maskScores: q', q.shape, [null, null, null]);
    const [batch, queries, width] = q.shape;
    expectShape('maskScores: k', k.shape, [batch, null, width]);
    if (!Number.isInteger(width / heads))
      throw new ShapeError(`maskScores: ${heads} heads do not divide ${width} columns`);
    const factor = 1 / (heads * Math.sqrt(width / heads));
    const dims = { batch, queries, keys: k.shape[1], width, factor };
    return { output: launch(maskScoresForward, dims, { q, k }).y, save: { dims, q, k } };
  },
  vjp: (dy, { dims, q, k }, needs) => {
    const grads: Gradients<MaskScoresArgs> = {};
    if (needs.q) grads.q = launch(maskScoresBackward, queryGradient(dims), { dy, z: k }).dx;
    if (needs.k) grads.k = launch(maskScoresBackward, keyGradient(dims), { dy, z: q }).dx;
    return grads;
  },
});
