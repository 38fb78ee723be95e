/** A learning-rate schedule over the steps of a run. */
export interface Schedule {
  /** Steps of the whole schedule, T. */
  maxIters: number;
  /** Steps of the linear warm-up; 0: none. */
  warmupIters: number;
  /** Share of the rate that the warm-up starts at. */
  warmupRatio: number;
  /** Exponent of the polynomial decay. */
  power: number;
  /** Rate that the decay ends at. */
  minLr: number;
}

/**
 * The learning rate of a step: polynomial decay `(b - min)(1 - t/T)^power + min`, multiplied in the first
 * W = `warmupIters` steps by `1 - (1 - t/W)(1 - warmupRatio)` (the schedule of mmcv that the release uses).
 * @param step t, counted from 0; the rate is set before the step.
 * @param base b, the parameter group's own rate.
 */
export function learningRate(step: number, base: number, schedule: Schedule): number {
  const { maxIters, warmupIters, warmupRatio, power, minLr } = schedule;
  const decayed = (base - minLr) * (1 - step / maxIters) ** power + minLr;
  if (step >= warmupIters) return decayed;
  return decayed * (1 - (1 - step / warmupIters) * (1 - warmupRatio));
}
