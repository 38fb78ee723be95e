import type { HostArrays } from '../kernel.ts';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export interface LossDims {
  images: number;
  classes: number;
  pixels: number;
  alpha: number;
  gamma: number;
}

/** One focal term: alpha_t * (1 - p_t)^gamma * cross-entropy. Lin et al. 2017, arXiv:1708.02002. */
export function focalTerm(x: number, positive: boolean, { alpha, gamma }: LossDims): number {
  return positive
    ? alpha * sigmoid(-x) ** gamma * softplus(-x)
    : (1 - alpha) * sigmoid(x) ** gamma * softplus(x);
}

/** Sums over the pixels [first, last) of one (image, class) row: focal, p t, p, t. */
function sumsOf(d: LossDims, a: HostArrays, row: number, first: number, last: number): number[] {
  const image = Math.floor(row / d.classes);
  const sums = [0, 0, 0, 0];
  for (let i = first; i < last; i++) {
    const x = a.logits[row * d.pixels + i];
    const positive = a.labels[image * d.pixels + i] === row % d.classes;
    const p = sigmoid(x);
    sums[0] += focalTerm(x, positive, d);
    sums[1] += positive ? p : 0;
    sums[2] += p;
    sums[3] += positive ? 1 : 0;
  }
  return sums;
}

export function partialsReference(d: LossDims & { chunks: number }, a: HostArrays): HostArrays {
  const partials = new Float64Array(d.images * d.classes * d.chunks * 4);
  const length = Math.ceil(d.pixels / d.chunks);
  for (let row = 0; row < d.images * d.classes; row++) {
    for (let chunk = 0; chunk < d.chunks; chunk++) {
      const first = Math.min(chunk * length, d.pixels);
      partials.set(
        sumsOf(d, a, row, first, Math.min(first + length, d.pixels)),
        (row * d.chunks + chunk) * 4,
      );
    }
  }
  return { partials };
}

export interface FinishDims {
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

export interface BackwardDims extends LossDims {
  focal_weight: number;
  dice_weight: number;
  normalise: number;
}

export function backwardReference(d: BackwardDims, a: HostArrays): HostArrays {
  const dlogits = new Float64Array(d.images * d.classes * d.pixels);
  const scale = a.dy[0] / (d.normalise ? Math.max(1, a.loss[3]) : 1);
  for (let row = 0; row < d.images * d.classes; row++) {
    const [numerator, denominator, present] = a.stats.subarray(row * 4, row * 4 + 3);
    for (let i = 0; i < d.pixels; i++) {
      const x = a.logits[row * d.pixels + i];
      const positive = a.labels[Math.floor(row / d.classes) * d.pixels + i] === row % d.classes;
      const s = sigmoid(x);
      const r = sigmoid(-x);
      const focal = positive
        ? -d.alpha * r ** d.gamma * (d.gamma * s * softplus(-x) + r)
        : (1 - d.alpha) * s ** d.gamma * (d.gamma * r * softplus(x) + s);
      const dice = (present * s * r * (numerator - (positive ? 2 * denominator : 0))) / denominator ** 2;
      dlogits[row * d.pixels + i] = scale * ((d.focal_weight * focal) / d.pixels + d.dice_weight * dice);
    }
  }
  return { dlogits };
}

export function pseudoLabelsReference(
  d: { images: number; classes: number; pixels: number; unlabelled: number },
  a: HostArrays,
): HostArrays {
  const y = a.labels.map((label, at) => {
    if (label !== d.unlabelled) return label;
    const image = Math.floor(at / d.pixels);
    const score = (c: number): number => a.logits[(image * d.classes + c) * d.pixels + (at % d.pixels)];
    return a.novel.reduce((best, c) => (score(c) > score(best) ? c : best));
  });
  return { y };
}
