import {
  ceilDiv,
  type DimsOf,
  defineKernel,
  type HostArrays,
  softwareSubgroups,
  type Variant,
} from '../kernel.ts';
import { type AttentionDims, attentionDims, packed, separate } from './dims.ts';
import { backwardOperands } from './forward.ts';
import { dot, eachHead, headRows, keptFactor, TILE, TILE_SIZE, tileAt } from './reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

const scoresDims = {
  ...attentionDims,
  firstHead: 'u32',
  countHeads: 'u32',
  firstKeyTile: 'u32',
  keyTiles: 'u32',
} as const;

/** A run of heads and of key tiles whose scores exist at one time. */
export type ScoresDims = DimsOf<typeof scoresDims>;

const subgroup: Variant<ScoresDims> = {
  name: 'subgroup',
  source: at('scores_subgroup.wgsl'),
  helpers: [at('../shared/philox.wgsl'), at('../shared/words.wgsl')],
  fits: softwareSubgroups,
  takes: (d) => d.headDim % 4 === 0,
  constants: (d) => ({ DROPS: Number(d.threshold > 0) }),
  tiles: [{ ROWS: 32 }, { ROWS: 16 }],
  grid: (d, t) => [d.keyTiles * (TILE / t.ROWS) * ceilDiv(d.queries, TILE), d.countHeads, 1],
};

const tiled: Variant<ScoresDims> = {
  name: 'tiled',
  source: at('scores_tiled.wgsl'),
  helpers: [at('../shared/philox.wgsl'), at('dropout_state.wgsl'), at('outer.wgsl')],
  grid: (d) => [d.keyTiles * ceilDiv(d.queries, TILE), d.countHeads, 1],
};

export const attentionScores = defineKernel({
  name: 'attention.scores',
  doc:
    'Probabilities p = exp(scale q k^T - lse) after dropout, by key, and score gradients ' +
    'ds = scale p (mask dy v^T - delta), by key and by query, as tiles of 32 x 32, rows side by side, padded with zeros.',
  dims: scoresDims,
  buffers: {
    ...backwardOperands,
    tiles: {
      access: 'write',
      dtype: 'store_t',
      shape: (d) => [3, d.countHeads, d.keyTiles * ceilDiv(d.queries, TILE), TILE, TILE],
    },
  },
  variants: [subgroup, tiled],
  cost: (d) => {
    const scores = d.countHeads * Math.min(d.keys, TILE * d.keyTiles) * d.queries;
    return { flops: 4 * scores * d.headDim, bytes: 12 * scores };
  },
  cases: {
    'vit-b16@512': scoresOf(packed({ batch: 1, heads: 3, tokens: 1035, headDim: 64 }), 1, 1),
    'decoder@512': scoresOf(
      separate({ batch: 1, heads: 8, queries: 20, keys: 1024, headDim: 64 }, { probability: 0.1, opId: 5 }),
    ),
    'mini@96': scoresOf(packed({ batch: 3, heads: 4, tokens: 37, headDim: 32 }), 1, 10),
    'one token': scoresOf(packed({ batch: 1, heads: 1, tokens: 1, headDim: 16 })),
    wide: scoresOf(packed({ batch: 1, heads: 2, tokens: 41, headDim: 128 })),
    causal: scoresOf(packed({ batch: 2, heads: 2, tokens: 77, headDim: 24 }, { causal: true })),
    'some keys': {
      ...scoresOf(packed({ batch: 1, heads: 2, tokens: 131, headDim: 12 })),
      firstKeyTile: 2,
      keyTiles: 2,
    },
    dropout: scoresOf(
      separate({ batch: 2, heads: 3, queries: 35, keys: 67, headDim: 20 }, { probability: 0.3, opId: 77 }),
    ),
    'odd heads': scoresOf(separate({ batch: 2, heads: 4, queries: 5, keys: 37, headDim: 6 })),
    'causal 10': scoresOf(packed({ batch: 1, heads: 3, tokens: 65, headDim: 10 }, { causal: true })),
    'dropout 1': scoresOf(
      separate({ batch: 1, heads: 2, queries: 3, keys: 11, headDim: 1 }, { probability: 0.5, opId: 3 }),
    ),
  },
  // exp of differences of numbers near 10, each rounded to float32
  tolerance: 1e-5,
  reference: scoresReference,
});

/** Dims for all key tiles of the heads from `firstHead`. */
function scoresOf(d: AttentionDims, firstHead = 0, countHeads = d.batch * d.heads): ScoresDims {
  return { ...d, firstHead, countHeads, firstKeyTile: 0, keyTiles: ceilDiv(d.keys, TILE) };
}

function scoresReference(d: ScoresDims, a: HostArrays): HostArrays {
  const queryTiles = ceilDiv(d.queries, TILE);
  const plane = d.countHeads * d.keyTiles * queryTiles * TILE_SIZE;
  const tiles = new Float64Array(3 * plane);
  const dyRow = { offset: 0, row: d.heads * d.headDim, tokens: d.queries, headDim: d.headDim };
  const firstKey = d.firstKeyTile * TILE;
  const visit: Parameters<typeof eachHead>[2] = (index, q, k, v) => {
    const dy = headRows(a.dy, dyRow, Math.floor(index / d.heads), index % d.heads);
    const start = (index - d.firstHead) * d.keyTiles * queryTiles * TILE_SIZE;
    for (let j = firstKey; j < Math.min(d.keys, firstKey + d.keyTiles * TILE); j++) {
      for (let i = d.causal ? j : 0; i < d.queries; i++) {
        const [lse, delta] = a.stats.subarray(2 * (index * d.queries + i), 2 * (index * d.queries + i) + 2);
        const p = Math.exp(d.scale * dot(q(i), k(j)) - lse);
        const factor = keptFactor(d, a.random, index, i, j);
        const ds = d.scale * p * (factor * dot(dy(i), v(j)) - delta);
        const byKey = start + tileAt(j - firstKey, i, queryTiles);
        tiles[byKey] = p * factor;
        tiles[plane + byKey] = ds;
        tiles[2 * plane + start + tileAt(i, j - firstKey, d.keyTiles)] = ds;
      }
    }
  };
  eachHead(d, a, visit, { first: d.firstHead, count: d.countHeads });
  return { tiles };
}
