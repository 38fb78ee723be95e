import {
  clipNormFinish,
  clipNormSquares,
  clipParts,
  squaresDims,
} from '../../kernels/optimizer/clip_norm.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
import type { Tensor } from '../tensor.ts';

interface ClipDivisorArgs {
  /** All gradients of a step, best in few tensors: one dispatch for each. */
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
      const count = grads.reduce((sum, { size }) => sum + clipParts(size), 0);
      const partials = engine.empty([count]);
      let offset = 0;
      for (const grad of grads) {
        launch(clipNormSquares, squaresDims(grad.size, offset), { grad, partials });
        offset += clipParts(grad.size);
      }
      return launch(clipNormFinish, { count, max_norm: maxNorm }, { partials }).clip;
    }),
  );
}
