import type { Engine } from '../engine/engine.ts';
import { add, embedding, gatherRows, gaussianSum, l2norm, matmul, slice } from '../engine/ops/index.ts';
import type { Parameter, Tensor } from '../engine/tensor.ts';
import { clipBlock, norm } from './block.ts';
import type { TextConfig } from './config.ts';
import { type Weights, weightsBelow } from './store.ts';
import { fillTemplate } from './templates.ts';
import type { Tokenizer } from './tokenizer/tokenizer.ts';
import type { Observe } from './vision.ts';
import type { StateDict } from './weights/tensor_file.ts';

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

/**
 * Class embeddings (C, D) of unit length: the normalised mean over the templates, in which `{}` stands for the name.
 * @param weights the parameters below `text_encoder`.
 * @throws UserError for a name that the tokenizer refuses.
 */
export function classEmbeddings(
  engine: Engine,
  weights: Weights,
  config: TextConfig,
  tokenizer: Tokenizer,
  templates: readonly string[],
  names: readonly string[],
): Tensor {
  const { contextLength: context } = config;
  const rows = templates.map((template) =>
    tokenizer.tokenize(
      names.map((name) => fillTemplate(template, name)),
      context,
    ),
  );
  return engine.scope(() => {
    const embeddings = rows.map((ids) => {
      const batch = tokenBatch(engine, ids, context, tokenizer.end);
      return l2norm({ x: textFeatures(engine, batch, weights, config) });
    });
    return meanOverTemplates(engine, embeddings);
  });
}

/**
 * {@link classEmbeddings} by a text tower that is on the GPU for so long only.
 * @param tensors float32; those below `text_encoder` are the tower.
 * @returns (C, D), row-major.
 */
export async function embedClasses(
  engine: Engine,
  { text, tensors }: { text: TextConfig; tensors: StateDict },
  tokenizer: Tokenizer,
  templates: readonly string[],
  names: readonly string[],
): Promise<Float32Array<ArrayBuffer>> {
  const parameters = new Map<string, Parameter>();
  for (const [name, { shape, data }] of tensors) {
    if (!name.startsWith('text_encoder.')) continue;
    parameters.set(name, engine.parameter(name, data as Float32Array<ArrayBuffer>, shape, false));
  }
  const tower = weightsBelow((name) => parameters.get(name)!, 'text_encoder');
  try {
    const { rows } = await engine.fetch(() => ({
      rows: classEmbeddings(engine, tower, text, tokenizer, templates, names),
    }));
    return rows as Float32Array<ArrayBuffer>;
  } finally {
    for (const parameter of parameters.values()) parameter.dispose();
  }
}
