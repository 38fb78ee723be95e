/** cost = factor * size^exponent, by least squares between the logarithms. */
export interface PowerLaw {
  exponent: number;
  factor: number;
  /** Share of the variance of the logarithms that the law explains; 1 where there is none to explain. */
  r2: number;
}

/** The straight line through the logarithms of at least two points of different size. */
export function fitPowerLaw(points: readonly (readonly [size: number, cost: number])[]): PowerLaw {
  const logs = points.map(([size, cost]) => [Math.log(size), Math.log(cost)] as const);
  const mean = (of: (log: readonly [number, number]) => number): number =>
    logs.reduce((sum, log) => sum + of(log), 0) / logs.length;
  const x = mean(([size]) => size);
  const y = mean(([, cost]) => cost);
  const covariance = mean(([size, cost]) => (size - x) * (cost - y));
  const variance = mean(([size]) => (size - x) ** 2);
  const exponent = covariance / variance;
  const total = mean(([, cost]) => (cost - y) ** 2);
  const rest = mean(([size, cost]) => (cost - y - exponent * (size - x)) ** 2);
  return { exponent, factor: Math.exp(y - exponent * x), r2: total === 0 ? 1 : 1 - rest / total };
}
