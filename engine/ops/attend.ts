import { attentionDelta } from '../../kernels/attention/delta.ts';
import type { AttentionDims } from '../../kernels/attention/dims.ts';
import { attentionForward } from '../../kernels/attention/forward.ts';
import { attentionProduct, type ProductDims } from '../../kernels/attention/product.ts';
import { TILE } from '../../kernels/attention/reference.ts';
import { attentionScores, type ScoresDims } from '../../kernels/attention/scores.ts';
import { attentionShort, isShort } from '../../kernels/attention/short.ts';
import { attentionShortDkv, attentionShortDq } from '../../kernels/attention/short_backward.ts';
import { ceilDiv } from '../../kernels/kernel.ts';
import { ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
import { bytesOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { type DropoutMask, expectMask } from './dropout_mask.ts';

/**
 * The settings of the kernels' dims.
 * @throws ShapeError when the heads do not divide the width or are too wide; see {@link expectMask} for the dropout.
 */
export function attentionSettings(
  op: string,
  width: number,
  { heads, causal = false, dropout }: { heads: number; causal?: boolean; dropout?: DropoutMask },
) {
  const headDim = width / heads;
  if (!Number.isInteger(headDim) || headDim < 1 || headDim > 128) {
    throw new ShapeError(`${op}: ${heads} heads of ${headDim} columns, wanted whole heads of 1 to 128`);
  }
  if (dropout) expectMask(op, dropout);
  return { headDim, settings: { causal, probability: dropout?.probability ?? 0, opId: dropout?.op ?? 0 } };
}

interface Operands {
  dims: AttentionDims;
  q: Tensor;
  k: Tensor;
  v: Tensor;
  random: Tensor | undefined;
}

/** The forward pass of any layout, with what backward needs. */
export function attend({ dims, q, k, v, random }: Operands) {
  const { batch, heads, queries, headDim } = dims;
  if (batch * heads > 65535)
    throw new ShapeError(`attention: ${batch} items x ${heads} heads, wanted at most 65535`);
  const kernel = isShort(dims) ? attentionShort : attentionForward;
  const y = engineOf({ q }).empty([batch, queries, heads * headDim], q.dtype);
  const { lse } = launch(kernel, dims, { q, k, v, random: dims.threshold > 0 ? random : undefined, y });
  return { output: y, save: { dims, q, k, v, random, y, lse } };
}

/**
 * Most bytes of scores that exist at one time in the backward pass, three planes of 1035 x 1035 being 13.4 MB. On a
 * CPU they should stay in its cache: long sequences take head by head, and beyond about 1150 tokens each head in
 * several rounds. A GPU wants many heads at once, or most of it would idle.
 */
const SCRATCH_BYTES = { software: 16 * 2 ** 20, hardware: 256 * 2 ** 20 };

interface Destinations {
  dq?: Tensor;
  dk?: Tensor;
  dv?: Tensor;
}

/** Writes the gradients that are given into their places: packed ones share one tensor. */
export function attendBackward(
  dy: Tensor,
  saved: ReturnType<typeof attend>['save'],
  into: Destinations,
): void {
  if (isShort(saved.dims)) shortBackward(dy, saved, into);
  else longBackward(dy, saved, into);
}

/**
 * Two dispatches that store no scores: one recomputes them query by query for dq and delta, the other key by key for
 * dk and dv.
 */
function shortBackward(
  dy: Tensor,
  { dims, q, k, v, random, y, lse }: ReturnType<typeof attend>['save'],
  { dq, dk, dv }: Destinations,
): void {
  const { batch, heads, queries, headDim } = dims;
  const operands = { q, k, v, dy, random: dims.threshold > 0 ? random : undefined };
  const { stats } = dq
    ? launch(attentionShortDq, dims, { ...operands, lse, dq })
    : launch(attentionDelta, { batch, heads, queries, headDim }, { y, dy, lse });
  if (!dk && !dv) return;
  const together = Number(dk === dv);
  const flags = { givesK: Number(dk !== undefined), givesV: Number(dv !== undefined), together };
  launch(attentionShortDkv, { ...dims, ...flags }, { ...operands, stats, dk, dv: together ? undefined : dv });
}

/**
 * Per round of heads and keys, one dispatch recomputes probabilities and score gradients from the saved log-sum-exp,
 * and one product each gives dv = p^T dy, dk = ds^T q, dq = ds k. Dao et al. 2022, arXiv:2205.14135, Algorithm 4, cut
 * where the scores are stored.
 */
function longBackward(
  dy: Tensor,
  { dims, q, k, v, random, y, lse }: ReturnType<typeof attend>['save'],
  { dq, dk, dv }: Destinations,
): void {
  const { batch, heads, queries, keys, headDim } = dims;
  const { stats } = launch(attentionDelta, { batch, heads, queries, headDim }, { y, dy, lse });
  const queryTiles = ceilDiv(queries, TILE);
  const fromDy = { xOffset: 0, xRow: heads * headDim };
  const fromQ = { xOffset: dims.qOffset, xRow: dims.qRow };
  const fromK = { xOffset: dims.kOffset, xRow: dims.kvRow };
  const intoQ = { outOffset: dims.qOffset, outRow: dims.qRow };
  const intoK = { outOffset: dims.kOffset, outRow: dims.kvRow };
  const intoV = { outOffset: dims.vOffset, outRow: dims.kvRow };
  const oneRound = (round: Round): void => {
    const { firstHead, countHeads, firstKeyTile, keyTiles } = round;
    const kept = dims.threshold > 0 ? random : undefined;
    const { tiles } = launch(attentionScores, { ...dims, ...round }, { q, k, v, dy, stats, random: kept });
    const keyRows = { rows: keys, firstRowTile: firstKeyTile, rowTiles: keyTiles };
    const byKey = { ...keyRows, inner: queries, firstInnerTile: 0, innerTiles: queryTiles };
    const queryRows = { rows: queries, firstRowTile: 0, rowTiles: queryTiles };
    const byQuery = { ...queryRows, inner: keys, firstInnerTile: firstKeyTile, innerTiles: keyTiles };
    const later = firstKeyTile > 0 ? 1 : 0;
    const common = { batch, heads, headDim, firstHead, countHeads };
    const multiply = (x: Tensor, out: Tensor, rest: Omit<ProductDims, keyof typeof common>): void => {
      launch(attentionProduct, { ...common, ...rest }, { tiles, x, out });
    };
    if (dv) multiply(dy, dv, { ...byKey, ...fromDy, ...intoV, plane: 0, accumulate: 0 });
    if (dk) multiply(q, dk, { ...byKey, ...fromQ, ...intoK, plane: 1, accumulate: 0 });
    if (dq) multiply(k, dq, { ...byQuery, ...fromK, ...intoQ, plane: 2, accumulate: later });
  };
  // a scope each, so that the scores of one round make room for the next
  for (const round of rounds(batch * heads, queryTiles, ceilDiv(keys, TILE), roomFor(q))) {
    engineOf({ dy }).scope(() => oneRound(round));
  }
}

type Round = Pick<ScoresDims, 'firstHead' | 'countHeads' | 'firstKeyTile' | 'keyTiles'>;

/** How many tiles of scores, stored as `q` is, may exist at one time. */
function roomFor(q: Tensor): number {
  const { facts, maxBindingBytes } = engineOf({ q }).gpu.device;
  const bytes = Math.min(facts.software ? SCRATCH_BYTES.software : SCRATCH_BYTES.hardware, maxBindingBytes);
  return Math.floor(bytes / bytesOf([3, TILE, TILE], q.dtype));
}

/** Cuts heads and keys into rounds of even size, of at most `tiles` tiles where one row of them allows it. */
export function* rounds(
  allHeads: number,
  queryTiles: number,
  allKeyTiles: number,
  tiles: number,
): Generator<Round> {
  const room = Math.max(1, Math.floor(tiles / queryTiles));
  const keyTiles = even(allKeyTiles, room);
  const countHeads = even(allHeads, Math.max(1, Math.floor(room / allKeyTiles)));
  for (let firstHead = 0; firstHead < allHeads; firstHead += countHeads) {
    for (let firstKeyTile = 0; firstKeyTile < allKeyTiles; firstKeyTile += keyTiles) {
      yield {
        firstHead,
        countHeads: Math.min(countHeads, allHeads - firstHead),
        firstKeyTile,
        keyTiles: Math.min(keyTiles, allKeyTiles - firstKeyTile),
      };
    }
  }
}

/** The size of the parts when `count` is cut into as few even parts of at most `most` as possible. */
function even(count: number, most: number): number {
  return Math.ceil(count / Math.ceil(count / most));
}
