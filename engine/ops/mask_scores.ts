import { ShapeError } from '../errors.ts';
import { engineOf } from '../launch.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { matmul } from './matmul.ts';
import { scale } from './scale.ts';

interface MaskScoresArgs {
  /** (B, C, W): the heads' columns side by side. */
  q: Tensor;
  /** (B, N, W) */
  k: Tensor;
  heads: number;
}

/**
 * Attention's scores before the softmax, q k^T / sqrt(W / heads), mean over heads: (B, C, N), the masks of
 * Cascade-CLIP (Li et al. 2024), in f32 as losses are. The heads' dot products add up to that of whole rows, so this
 * is one product.
 */
export function maskScores({ q, k, heads }: MaskScoresArgs): Tensor {
  expectShape('maskScores: q', q.shape, [null, null, null]);
  const [batch, , width] = q.shape;
  expectShape('maskScores: k', k.shape, [batch, null, width]);
  if (!Number.isInteger(width / heads)) {
    throw new ShapeError(`maskScores: ${heads} heads do not divide ${width} columns`);
  }
  const factor = 1 / (heads * Math.sqrt(width / heads));
  return engineOf({ q }).scope(() =>
    matmul({ a: scale({ x: q, factor }), b: k, transposeB: true, dtype: 'f32' }),
  );
}
