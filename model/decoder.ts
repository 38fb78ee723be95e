import type { Engine } from '../engine/engine.ts';
import { attention, linear, maskScores } from '../engine/ops/index.ts';
import { recompute } from '../engine/recompute.ts';
import type { Tensor } from '../engine/tensor.ts';
import { norm, project } from './block.ts';
import type { DecoderConfig } from './config.ts';
import type { DropoutMasks } from './dropout.ts';
import type { Weights } from './store.ts';
import type { Observe } from './vision.ts';

/**
 * One cascaded decoder: class queries attend to the patch features of their stage, layer after layer, post-norm,
 * no self-attention. The last layer is computed only up to its scores.
 * @param query (B, C, D)
 * @param memory Z_k, (B, N, D)
 * @returns the stage mask (B, C, N): pre-softmax scaled scores of the last layer, mean over heads.
 */
export function decoder(
  engine: Engine,
  query: Tensor,
  memory: Tensor,
  weights: Weights,
  config: DecoderConfig,
  masks: DropoutMasks,
  observe: Observe = () => {},
): Tensor {
  let x = query;
  for (let i = 0; i < config.layers - 1; i++) {
    x = engine.at(`layers.${i}`, () =>
      recompute(
        engine,
        [x, memory],
        masks.repeatable((own, shared) =>
          decoderLayer(own, shared, weights.under(`layers.${i}`), config, masks),
        ),
      ),
    );
    observe(`layer${i}`, x);
  }
  return engine.scope(() => {
    const last = weights.under(`layers.${config.layers - 1}.multihead_attn`);
    return maskScores({ q: project(x, last, 'q'), k: project(memory, last, 'k'), heads: config.heads });
  });
}

function decoderLayer(
  x: Tensor,
  memory: Tensor,
  weights: Weights,
  { heads, dropout }: DecoderConfig,
  masks: DropoutMasks,
): Tensor {
  const own = weights.under('multihead_attn');
  const mixed = attention({
    q: project(x, own, 'q'),
    k: project(memory, own, 'k'),
    v: project(memory, own, 'v'),
    heads,
    dropout: masks.next(dropout),
  });
  const attended = norm(residual(x, mixed, own, 'proj', dropout, masks), weights, 'norm2');
  const inner = linear({
    x: attended,
    weight: weights.get('linear1.weight'),
    bias: weights.get('linear1.bias'),
    activation: 'relu',
  });
  return norm(
    residual(attended, masks.apply(inner, dropout), weights, 'linear2', dropout, masks),
    weights,
    'norm3',
  );
}

/** x + dropout(inner W^T + b). */
function residual(
  x: Tensor,
  inner: Tensor,
  weights: Weights,
  name: string,
  dropout: number,
  masks: DropoutMasks,
): Tensor {
  if (masks.active && dropout > 0) return masks.apply(project(inner, weights, name), dropout, x);
  return linear({
    x: inner,
    weight: weights.get(`${name}.weight`),
    bias: weights.get(`${name}.bias`),
    residual: x,
  });
}
