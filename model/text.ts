import type { Engine } from '../engine/engine.ts';
import { add, embedding, gatherRows, gaussianSum, l2norm, matmul, slice } from '../engine/ops/index.ts';
import type { Tensor } from '../engine/tensor.ts';
import { clipBlock, norm } from './block.ts';
import type { TextConfig } from './config.ts';
import type { Weights } from './store.ts';
import type { Observe } from './vision.ts';

/** Token ids on the GPU, cut to the longest text: the tower is causal, so what follows a text's end is never seen. */
export interface TokenBatch {
  /** (n, length), u32. */
  ids: Tensor;
  /** Position of each text's end token, (n), u32. */
  ends: Tensor;
}

/**
 * Uploads padded token rows.
 * @param ids n rows of `context` ids, as the tokenizer gives them.
 * @param end the id of the end token, the highest of the vocabulary.
 */
export function tokenBatch(engine: Engine, ids: Int32Array, context: number, end: number): TokenBatch {
  const count = ids.length / context;
  const ends = Uint32Array.from({ length: count }, (_, row) =>
    ids.subarray(row * context, (row + 1) * context).indexOf(end),
  );
  const length = 1 + ends.reduce((a, b) => Math.max(a, b), 0);
  const cut = Uint32Array.from(
    { length: count * length },
    (_, i) => ids[Math.floor(i / length) * context + (i % length)],
  );
  return { ids: engine.tensor(cut, [count, length]), ends: engine.tensor(ends, [count]) };
}

/**
 * Features of the end tokens before normalisation, (n, D).
 * @param weights the parameters below `text_encoder`.
 */
export function textFeatures(
  engine: Engine,
  { ids, ends }: TokenBatch,
  weights: Weights,
  config: TextConfig,
  observe: Observe = () => {},
): Tensor {
  return engine.scope(() => {
    const length = ids.shape[1];
    const positions = slice({ x: weights.get('positional_embedding'), axis: 0, start: 0, length });
    let x = add({ a: embedding({ table: weights.get('token_embedding.weight'), ids }), b: positions });
    for (let block = 0; block < config.layers; block++) {
      const own = weights.under(`transformer.resblocks.${block}`);
      x = engine.at(`text.resblocks.${block}`, () =>
        engine.scope(() => clipBlock(x, own, config.heads, true)),
      );
      observe(`text.block${block}`, x);
    }
    const last = norm(gatherRows({ x, index: ends }), weights, 'ln_final');
    return matmul({ a: last, b: weights.get('text_projection') });
  });
}

/** Class embeddings (C, D) of unit length from one unit-length embedding per template, each (C, D): normalised mean. */
export function meanOverTemplates(engine: Engine, templates: readonly Tensor[]): Tensor {
  return engine.scope(() => {
    const share = engine.tensor(new Float32Array(templates.length).fill(1 / templates.length), [
      templates.length,
    ]);
    return l2norm({ x: gaussianSum({ layers: [...templates], weights: share }) });
  });
}
