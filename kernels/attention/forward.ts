import { type BufferSpec, ceilDiv, defineKernel, softwareSubgroups, type Variant } from '../kernel.ts';
import { type AttentionDims, attentionDims, packed, separate } from './dims.ts';
import { attentionReference } from './reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** q, k, v and the random state, as every attention kernel binds them. */
export const operands = {
  q: {
    access: 'read',
    dtype: 'store_t',
    shape: (d) => [d.batch, d.queries, d.qRow],
    // scores of about unit variance, so that the softmax is not flat
    input: (d, random) => Float64Array.from({ length: d.batch * d.queries * d.qRow }, () => 8 * random() - 4),
  },
  k: { access: 'read', dtype: 'store_t', shape: (d) => [d.batch, d.keys, d.kvRow] },
  v: { access: 'read', dtype: 'store_t', shape: (d) => [d.batch, d.keys, d.kvRow] },
  random: {
    access: 'read',
    dtype: 'u32',
    shape: (d) => [d.threshold > 0 ? 4 : 0],
    input: (d) => (d.threshold > 0 ? [12345, 678, 9, 0] : []),
  },
} satisfies Record<string, BufferSpec<AttentionDims>>;

/** What backward reads, in binding order: `stats` are each query's log-sum-exp and delta. */
export const backwardOperands = {
  q: operands.q,
  k: operands.k,
  v: operands.v,
  dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.batch, d.queries, d.heads * d.headDim] },
  stats: {
    access: 'read',
    dtype: 'f32',
    shape: (d) => [d.batch, d.heads, d.queries, 2],
    input: (d, random) =>
      Float64Array.from({ length: d.batch * d.heads * d.queries * 2 }, (_, i) => random() + (i % 2 ? 0 : 2)),
  },
  random: operands.random,
} satisfies Record<string, BufferSpec<AttentionDims>>;

const subgroup: Variant<AttentionDims> = {
  name: 'subgroup',
  source: at('forward_subgroup.wgsl'),
  helpers: [at('../shared/philox.wgsl'), at('../shared/words.wgsl')],
  fits: softwareSubgroups,
  takes: (d) => d.headDim % 4 === 0,
  tiles: [{ ROWS: 32 }, { ROWS: 16 }],
  grid: (d, t) => [ceilDiv(d.queries, t.ROWS), d.batch * d.heads, ceilDiv(d.headDim, 64)],
};

const tiled: Variant<AttentionDims> = {
  name: 'tiled',
  source: at('forward_tiled.wgsl'),
  helpers: [at('../shared/philox.wgsl'), at('dropout_state.wgsl'), at('outer.wgsl')],
  grid: (d) => [ceilDiv(d.queries, 32), d.batch * d.heads, 1],
};

export const attentionForward = defineKernel({
  name: 'attention.forward',
  doc: 'y = dropout(softmax(scale q k^T)) v. Vaswani et al. 2017, arXiv:1706.03762; online softmax after Dao et al. 2022.',
  dims: attentionDims,
  buffers: {
    ...operands,
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.batch, d.queries, d.heads * d.headDim] },
    lse: { access: 'write', dtype: 'f32', shape: (d) => [d.batch, d.heads, d.queries] },
  },
  variants: [subgroup, tiled],
  cost: (d) => ({
    flops: 4 * d.batch * d.heads * d.queries * d.keys * d.headDim,
    bytes: 8 * d.batch * d.heads * (d.queries + d.keys) * d.headDim,
  }),
  cases: {
    // 3 of 12 heads: the float64 reference takes a quarter of the time
    'vit-b16@512': packed({ batch: 1, heads: 3, tokens: 1035, headDim: 64 }),
    'decoder@512': separate(
      { batch: 1, heads: 8, queries: 20, keys: 1024, headDim: 64 },
      { probability: 0.1, opId: 5 },
    ),
    'mini@96': packed({ batch: 4, heads: 4, tokens: 37, headDim: 32 }),
    'one token': packed({ batch: 1, heads: 1, tokens: 1, headDim: 16 }),
    wide: packed({ batch: 1, heads: 2, tokens: 41, headDim: 128 }),
    'causal text': packed({ batch: 2, heads: 2, tokens: 77, headDim: 24 }, { causal: true }),
    'odd cross': separate({ batch: 2, heads: 3, queries: 5, keys: 37, headDim: 20 }),
    'odd dropout': separate(
      { batch: 2, heads: 3, queries: 35, keys: 67, headDim: 12 },
      { probability: 0.3, opId: 77 },
    ),
    'odd heads': separate({ batch: 2, heads: 4, queries: 5, keys: 37, headDim: 6 }),
    'causal 10': packed({ batch: 1, heads: 3, tokens: 65, headDim: 10 }, { causal: true }),
    'dropout 1': separate(
      { batch: 1, heads: 2, queries: 3, keys: 11, headDim: 1 },
      { probability: 0.5, opId: 3 },
    ),
    '127': packed({ batch: 1, heads: 1, tokens: 2, headDim: 127 }),
  },
  // exp2 and the division are a few units in the last place each
  tolerance: 5e-6,
  reference: attentionReference,
});
