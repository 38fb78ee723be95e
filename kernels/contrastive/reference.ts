import type { HostArrays } from '../kernel.ts';

/** Fills concept slots that an image does not use; matches nothing. */
export const NO_CONCEPT = 0xffffffff;

export interface PairDims {
  images: number;
  captions: number;
  concepts: number;
  max_scale: number;
}

/** exp(logit_scale), at most the largest scale. */
function scaleOf(max: number, logitScale: Float64Array): number {
  return Math.min(Math.exp(logitScale[0]), max);
}

function isPositive(d: PairDims, a: HostArrays, image: number, caption: number): boolean {
  const wanted = a.caption_concepts[caption];
  const own = a.image_concepts.subarray(image * d.concepts, (image + 1) * d.concepts);
  return wanted !== NO_CONCEPT && own.includes(wanted);
}

/** Every line's [image, caption] pairs: first the rows, then the columns of the similarity matrix. */
function pairsOf({ images, captions }: PairDims): (readonly [number, number])[][] {
  const each = <T>(count: number, make: (i: number) => T): T[] =>
    Array.from({ length: count }, (_, i) => make(i));
  return [
    ...each(images, (i) => each(captions, (j) => [i, j] as const)),
    ...each(captions, (j) => each(images, (i) => [i, j] as const)),
  ];
}

export function linesReference(d: PairDims, a: HostArrays): HostArrays {
  const scale = scaleOf(d.max_scale, a.logit_scale);
  const lines = pairsOf(d).map((pairs) => {
    const values = pairs.map(([i, j]) => a.similarity[i * d.captions + j]);
    const peak = Math.max(...values);
    const powers = values.map((s) => Math.exp(scale * (s - peak)));
    const sum = powers.reduce((total, power) => total + power, 0);
    const wanted = values.filter((_, t) => isPositive(d, a, ...pairs[t]));
    if (wanted.length === 0) return { stats: [peak, Math.log(sum), 0, 0], slope: 0 };
    const mean = wanted.reduce((total, s) => total + s, 0) / wanted.length;
    const expected = values.reduce((total, s, t) => total + (s * powers[t]) / sum, 0);
    const loss = Math.log(sum) + scale * (peak - mean);
    return { stats: [peak, Math.log(sum), 1 / wanted.length, loss], slope: expected - mean };
  });
  return {
    stats: Float64Array.from(lines.flatMap(({ stats }) => stats)),
    slopes: Float64Array.from(lines, ({ slope }) => slope),
  };
}

export function finishReference(d: Omit<PairDims, 'concepts'>, a: HostArrays): HostArrays {
  const half = (from: number, to: number) => {
    const sums = { count: 0, loss: 0, slope: 0 };
    for (let line = from; line < to; line++) {
      if (a.stats[4 * line + 2] > 0) sums.count++;
      sums.loss += a.stats[4 * line + 3];
      sums.slope += a.slopes[line];
    }
    const weight = 0.5 / Math.max(1, sums.count);
    return { weight, loss: weight * sums.loss, slope: weight * sums.slope };
  };
  const rows = half(0, d.images);
  const columns = half(d.images, d.images + d.captions);
  const rise = scaleOf(d.max_scale, a.logit_scale) * (rows.slope + columns.slope);
  const clamped = Math.exp(a.logit_scale[0]) > d.max_scale;
  return {
    loss: Float64Array.of(rows.loss + columns.loss),
    weights: Float64Array.of(rows.weight, columns.weight),
    slope: Float64Array.of(clamped ? Math.max(0, rise) : rise),
  };
}

export function backwardReference(d: PairDims, a: HostArrays): HostArrays {
  const scale = scaleOf(d.max_scale, a.logit_scale);
  const dsimilarity = new Float64Array(d.images * d.captions);
  pairsOf(d).forEach((pairs, line) => {
    const [peak, logSum, inverse] = a.stats.subarray(4 * line, 4 * line + 3);
    if (inverse === 0) return;
    const weight = a.weights[line < d.images ? 0 : 1];
    for (const [i, j] of pairs) {
      const at = i * d.captions + j;
      const softmax = Math.exp(scale * (a.similarity[at] - peak) - logSum);
      const wanted = isPositive(d, a, i, j) ? inverse : 0;
      dsimilarity[at] += a.dy[0] * scale * weight * (softmax - wanted);
    }
  });
  return { dsimilarity };
}
