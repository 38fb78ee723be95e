import {
  clipNormFinish,
  clipNormSquares,
  clipParts,
  squaresDims,
  TENSORS_A_DISPATCH,
} from '../../kernels/optimizer/clip_norm.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
import type { Tensor } from '../tensor.ts';

interface ClipDivisorArgs {
  /** All gradients of a step. */
  grads: readonly Tensor[];
  /** The largest norm that all gradients together may have. */
  maxNorm: number;
}

/**
 * What gradients must be divided by so that their global norm is at most `maxNorm`. Pascanu et al. 2013.
 * @returns (2): max(1, norm / maxNorm), and the norm before clipping. Serves as `divisor` of `adamwStep`, which
 * reads the first element. Not differentiable.
 * @throws ShapeError without a gradient, ConfigError when `maxNorm` is not a positive number.
 */
export function clipDivisor({ grads, maxNorm }: ClipDivisorArgs): Tensor {
  if (!(maxNorm > 0 && maxNorm < Infinity)) {
    throw new ConfigError(`gradient clipping: largest norm ${maxNorm}`, 'Give a positive number.');
  }
  if (grads.length === 0) throw new ShapeError('clip_norm: no gradients');
  const engine = engineOf({ grads });
  return engine.annotate('clip_norm', () =>
    engine.scope(() => {
      const batches: Tensor[][] = [];
      for (let i = 0; i < grads.length; i += TENSORS_A_DISPATCH) {
        batches.push(grads.slice(i, i + TENSORS_A_DISPATCH));
      }
      const sizes = batches.map((batch) => batch.map(({ size }) => size));
      const count = sizes.reduce((sum, counts) => sum + clipParts(counts), 0);
      const partials = engine.empty([count]);
      let offset = 0;
      batches.forEach(([g0, g1, g2, g3, g4, g5, g6], i) => {
        launch(clipNormSquares, squaresDims(sizes[i], offset), { g0, g1, g2, g3, g4, g5, g6, partials });
        offset += clipParts(sizes[i]);
      });
      return launch(clipNormFinish, { count, max_norm: maxNorm }, { partials }).clip;
    }),
  );
}
