/** What was compared and how far off it was. */
export interface Comparison {
  /** Group that a report shows one line for: forward, loss, gradients, ... */
  group: string;
  name: string;
  /** Largest difference, relative to the tensor's largest magnitude. For labels the share that differs. */
  error: number;
  allowed: number;
}

/**
 * Largest difference relative to the largest magnitude of the truth; absolute where the truth is all zeros, Infinity
 * where lengths or finiteness differ.
 */
export function relativeError(found: ArrayLike<number>, truth: ArrayLike<number>): number {
  if (found.length !== truth.length) return Infinity;
  let scale = 0;
  let worst = 0;
  for (let i = 0; i < truth.length; i++) {
    scale = Math.max(scale, Math.abs(truth[i]));
    const difference = Math.abs(found[i] - truth[i]);
    if (!Number.isFinite(difference)) return Infinity;
    worst = Math.max(worst, difference);
  }
  return worst / (scale || 1);
}

/** Share of integers that differ. */
export function mismatch(found: ArrayLike<number>, truth: ArrayLike<number>): number {
  if (found.length !== truth.length) return 1;
  let wrong = 0;
  for (let i = 0; i < truth.length; i++) if (found[i] !== truth[i]) wrong++;
  return wrong / Math.max(1, truth.length);
}

/** Collects comparisons of one fixture. */
export class Comparisons {
  readonly all: Comparison[] = [];
  private readonly floatErrors: Record<string, readonly [number, number]>;

  /** @param floatErrors how far float32 itself is from float64, by tensor: [absolute, scale]. */
  constructor(floatErrors: Record<string, readonly [number, number]> = {}) {
    this.floatErrors = floatErrors;
  }

  /** @param allowed relative to the tensor's maximum; ten times float32's own error where that is larger. */
  close(
    group: string,
    name: string,
    found: ArrayLike<number>,
    truth: ArrayLike<number>,
    allowed: number,
  ): void {
    const [absolute, scale] = this.floatErrors[name] ?? [0, 1];
    const own = scale > 0 ? (10 * absolute) / scale : 0;
    this.all.push({ group, name, error: relativeError(found, truth), allowed: Math.max(allowed, own) });
  }

  /** @param allowed share of the integers that may differ. */
  same(group: string, name: string, found: ArrayLike<number>, truth: ArrayLike<number>, allowed = 0): void {
    this.all.push({ group, name, error: mismatch(found, truth), allowed });
  }

  get failures(): Comparison[] {
    return this.all.filter(({ error, allowed }) => !(error <= allowed));
  }
}
