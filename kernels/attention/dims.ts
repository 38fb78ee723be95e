import { dropThreshold } from '../dropout/philox.ts';
import type { DimsOf } from '../kernel.ts';

/**
 * Where queries, keys and values lie, and what is done with them. Row strides and offsets count elements, so that
 * all three may be parts of one packed buffer; the tokens of one item follow each other without gaps.
 */
export const attentionDims = {
  batch: 'u32',
  heads: 'u32',
  queries: 'u32',
  keys: 'u32',
  headDim: 'u32',
  qOffset: 'u32',
  qRow: 'u32',
  kOffset: 'u32',
  vOffset: 'u32',
  kvRow: 'u32',
  /** Factor on q k^T, 1 / sqrt(headDim). */
  scale: 'f32',
  /** 1 hides the keys behind each query; as many queries as keys then. */
  causal: 'u32',
  /** Dropout probability as an integer, see {@link dropThreshold}; 0 for none. */
  threshold: 'u32',
  /** Tells dropout of this operation from every other's. */
  opId: 'u32',
} as const;

export type AttentionDims = DimsOf<typeof attentionDims>;

export type AttentionSizes = Pick<AttentionDims, 'batch' | 'heads' | 'queries' | 'keys' | 'headDim'>;

interface Settings {
  causal?: boolean;
  /** Of dropout on the attention probabilities. */
  probability?: number;
  opId?: number;
}

/** Dims of one attention over `q` (batch, queries, W) and separate `k`, `v` (batch, keys, W). */
export function separate(sizes: AttentionSizes, settings: Settings = {}): AttentionDims {
  const width = sizes.heads * sizes.headDim;
  return { ...common(sizes, settings), qOffset: 0, qRow: width, kOffset: 0, vOffset: 0, kvRow: width };
}

/** Dims of one attention over packed `qkv` (batch, tokens, 3 W). */
export function packed(
  sizes: Omit<AttentionSizes, 'queries' | 'keys'> & { tokens: number },
  settings: Settings = {},
): AttentionDims {
  const { tokens, ...rest } = sizes;
  const width = sizes.heads * sizes.headDim;
  const all = { ...rest, queries: tokens, keys: tokens };
  return {
    ...common(all, settings),
    qOffset: 0,
    qRow: 3 * width,
    kOffset: width,
    vOffset: 2 * width,
    kvRow: 3 * width,
  };
}

function common(
  { batch, heads, queries, keys, headDim }: AttentionSizes,
  { causal = false, probability = 0, opId = 0 }: Settings,
) {
  const threshold = dropThreshold(probability);
  return {
    batch,
    heads,
    queries,
    keys,
    headDim,
    scale: 1 / Math.sqrt(headDim),
    causal: Number(causal),
    threshold,
    opId,
  };
}
