import type { HostArrays } from '../kernel.ts';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export interface FocalDims {
  alpha: number;
  gamma: number;
}

/** One focal term: alpha_t * (1 - p_t)^gamma * cross-entropy. Lin et al. 2017, arXiv:1708.02002. */
function focalTerm(x: number, positive: boolean, { alpha, gamma }: FocalDims): number {
  return positive
    ? alpha * sigmoid(-x) ** gamma * softplus(-x)
    : (1 - alpha) * sigmoid(x) ** gamma * softplus(x);
}

/** Derivative of {@link focalTerm} with respect to x. */
export function focalSlope(x: number, positive: boolean, { alpha, gamma }: FocalDims): number {
  const s = sigmoid(x);
  const r = sigmoid(-x);
  return positive
    ? -alpha * r ** gamma * (gamma * s * softplus(-x) + r)
    : (1 - alpha) * s ** gamma * (gamma * r * softplus(x) + s);
}

/** Derivative of sigmoid(x). */
export function sigmoidSlope(x: number): number {
  return sigmoid(x) * sigmoid(-x);
}

/** Adds one pixel to the sums from `at`: focal, p t, p, t. */
export function addPixel(
  sums: Float64Array,
  at: number,
  { x, positive }: { x: number; positive: boolean },
  d: FocalDims,
): void {
  const p = sigmoid(x);
  sums[at] += focalTerm(x, positive, d);
  sums[at + 1] += positive ? p : 0;
  sums[at + 2] += p;
  sums[at + 3] += positive ? 1 : 0;
}

interface FinishDims {
  rows: number;
  pixels: number;
  chunks: number;
  focal_weight: number;
  dice_weight: number;
  normalise: number;
}

export function finishReference(d: FinishDims, a: HostArrays): HostArrays {
  const stats = new Float64Array(d.rows * 4);
  let focal = 0;
  let dice = 0;
  let present = 0;
  for (let row = 0; row < d.rows; row++) {
    const sums = [0, 0, 0, 0];
    for (let k = 0; k < d.chunks * 4; k++) sums[k % 4] += a.partials[row * d.chunks * 4 + k];
    const here = sums[3] > 0 ? 1 : 0;
    stats.set([2 * sums[1] + 1, sums[2] + sums[3] + 1, here, 0], row * 4);
    focal += sums[0] / d.pixels;
    dice += here * (1 - (2 * sums[1] + 1) / (sums[2] + sums[3] + 1));
    present += here;
  }
  const divisor = d.normalise ? Math.max(1, present) : 1;
  const parts = [(d.focal_weight * focal) / divisor, (d.dice_weight * dice) / divisor];
  const total = parts[0] + parts[1];
  return { stats, loss: Float64Array.from([...parts, total, present]), total: Float64Array.of(total) };
}

/** How the gradient of the loss is made of those of its terms. */
export interface GradientDims {
  pixels: number;
  focal_weight: number;
  dice_weight: number;
  normalise: number;
}

/**
 * Gradient of the loss in one (image, class) row, from fields that say how far the terms change: focal, the sum
 * of p, and the sum of p t.
 */
export function gradientOf(
  d: GradientDims,
  a: HostArrays,
  row: number,
  [focal, all, own]: readonly [number, number, number],
): number {
  const scale = a.dy[0] / (d.normalise ? Math.max(1, a.loss[3]) : 1);
  const [numerator, denominator, present] = a.stats.subarray(row * 4, row * 4 + 3);
  // of 1 - numerator / denominator, where the sum of p t counts twice
  const dice = (present * (numerator * all - 2 * denominator * own)) / denominator ** 2;
  return scale * ((d.focal_weight * focal) / d.pixels + d.dice_weight * dice);
}
