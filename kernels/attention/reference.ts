import { keep } from '../dropout/philox.ts';
import type { HostArrays } from '../kernel.ts';
import type { AttentionDims } from './dims.ts';

/** The head's rows of one packed operand: a view by token. */
export function headRows(
  values: Float64Array,
  at: { offset: number; row: number; tokens: number; headDim: number },
  item: number,
  head: number,
): (token: number) => Float64Array {
  const base = at.offset + item * at.tokens * at.row + head * at.headDim;
  return (token) => values.subarray(base + token * at.row, base + token * at.row + at.headDim);
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Dropout's factor on the probability of one key: 0, or 1 / (1 - p). */
export function keptFactor(
  d: AttentionDims,
  random: Float64Array,
  index: number,
  query: number,
  key: number,
): number {
  if (d.threshold === 0) return 1;
  const element = (index * d.queries + query) * 4 * Math.ceil(d.keys / 4) + key;
  return keep(random, d.opId, element, d.threshold) ? 1 / (1 - d.threshold / 2 ** 32) : 0;
}

/** Calls back for every head with its number and operands by token. */
export function eachHead(
  d: AttentionDims,
  a: HostArrays,
  visit: (
    index: number,
    q: (i: number) => Float64Array,
    k: (j: number) => Float64Array,
    v: (j: number) => Float64Array,
  ) => void,
  heads = { first: 0, count: d.batch * d.heads },
): void {
  const { headDim } = d;
  for (let index = heads.first; index < heads.first + heads.count; index++) {
    const [item, head] = [Math.floor(index / d.heads), index % d.heads];
    visit(
      index,
      headRows(a.q, { offset: d.qOffset, row: d.qRow, tokens: d.queries, headDim }, item, head),
      headRows(a.k, { offset: d.kOffset, row: d.kvRow, tokens: d.keys, headDim }, item, head),
      headRows(a.v, { offset: d.vOffset, row: d.kvRow, tokens: d.keys, headDim }, item, head),
    );
  }
}

/** Softmax attention, head by head and query by query. Vaswani et al. 2017, arXiv:1706.03762, equation 1. */
export function attentionReference(d: AttentionDims, a: HostArrays): HostArrays {
  const width = d.heads * d.headDim;
  const y = new Float64Array(d.batch * d.queries * width);
  const lse = new Float64Array(d.batch * d.heads * d.queries);
  const scores = new Float64Array(d.keys);
  eachHead(d, a, (index, q, k, v) => {
    const [item, head] = [Math.floor(index / d.heads), index % d.heads];
    for (let i = 0; i < d.queries; i++) {
      const visible = d.causal ? i + 1 : d.keys;
      const query = q(i);
      for (let j = 0; j < visible; j++) scores[j] = dot(query, k(j)) * d.scale;
      const high = scores.subarray(0, visible).reduce((m, s) => Math.max(m, s), -Infinity);
      let sum = 0;
      for (let j = 0; j < visible; j++) sum += Math.exp(scores[j] - high);
      const log = high + Math.log(sum);
      lse[index * d.queries + i] = log;
      const out = (item * d.queries + i) * width + head * d.headDim;
      for (let j = 0; j < visible; j++) {
        const p = Math.exp(scores[j] - log) * keptFactor(d, a.random, index, i, j);
        const value = v(j);
        for (let c = 0; c < d.headDim; c++) y[out + c] += p * value[c];
      }
    }
  });
  return { y, lse };
}

/** Rows and columns of a stored tile of scores. */
export const TILE = 32;
export const TILE_SIZE = TILE * TILE;

/** Where the element (row, inner) lies in a matrix stored as tiles, each with the rows of an inner index side by side. */
export function tileAt(row: number, inner: number, tilesAcross: number): number {
  const tile = Math.floor(row / TILE) * tilesAcross + Math.floor(inner / TILE);
  return tile * TILE_SIZE + (inner % TILE) * TILE + (row % TILE);
}
