import { ceilDiv, defineKernel, flatGrid } from '../kernel.ts';
import { dot, headRows } from './reference.ts';

export const attentionDelta = defineKernel({
  name: 'attention.delta',
  doc: 'Per query: its log-sum-exp, and delta = sum dy * y, which is sum p * dp over keys. Dao et al. 2022.',
  source: new URL('delta.wgsl', import.meta.url),
  dims: { batch: 'u32', heads: 'u32', queries: 'u32', headDim: 'u32' },
  buffers: {
    y: { access: 'read', dtype: 'store_t', shape: (d) => [d.batch, d.queries, d.heads * d.headDim] },
    dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.batch, d.queries, d.heads * d.headDim] },
    lse: { access: 'read', dtype: 'f32', shape: (d) => [d.batch, d.heads, d.queries] },
    stats: { access: 'write', dtype: 'f32', shape: (d) => [d.batch, d.heads, d.queries, 2] },
  },
  tiles: [{ WG: 64 }, { WG: 8 }],
  grid: (d, t) => flatGrid(ceilDiv(d.batch * d.heads * d.queries, t.WG)),
  cost: (d) => {
    const rows = d.batch * d.heads * d.queries;
    return { flops: 2 * rows * d.headDim, bytes: 8 * rows * d.headDim + 12 * rows };
  },
  cases: {
    'vit-b16@512': { batch: 1, heads: 12, queries: 1035, headDim: 64 },
    odd: { batch: 2, heads: 3, queries: 5, headDim: 7 },
  },
  // a sum of 64 products of either sign
  tolerance: 1e-6,
  reference: (d, a) => {
    const stats = new Float64Array(d.batch * d.heads * d.queries * 2);
    const layout = { offset: 0, row: d.heads * d.headDim, tokens: d.queries, headDim: d.headDim };
    for (let index = 0; index < d.batch * d.heads; index++) {
      const [item, head] = [Math.floor(index / d.heads), index % d.heads];
      const y = headRows(a.y, layout, item, head);
      const dy = headRows(a.dy, layout, item, head);
      for (let i = 0; i < d.queries; i++) {
        const row = index * d.queries + i;
        stats.set([a.lse[row], dot(y(i), dy(i))], 2 * row);
      }
    }
    return { stats };
  },
});
