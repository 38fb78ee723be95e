import { type Peak, rooflineMs } from '../../engine/gpu/peak.ts';
import { busyMs, type KernelShares, sharesOf, type Timed } from '../../engine/gpu/profiler.ts';
import { hostPhases } from '../trainer.ts';
import { type Recording, stepMs } from './session.ts';

/** What `profile.json` holds; times in milliseconds, of one step where nothing else is said, shares of all timed ones. */
export interface StepProfile extends KernelShares {
  adapter: string;
  /** The steps whose dispatches were timed, counted from 1, both included. */
  steps: [first: number, last: number];
  /** A step as it ordinarily is. */
  stepMs: number;
  /** A step whose dispatches are timed one by one. */
  profiledStepMs: number;
  /** The GPU at work on its passes: kernels and the hand-over from one to the next. */
  gpuMs: number;
  /** The sum of the dispatches of a profiled step; each includes the hand-over of its own pass. */
  kernelMs: number;
  /** What the host does for an ordinary step: uploads, encoding, submitting. */
  hostMs: number;
  /** What an ordinary step waits for images. */
  dataWaitMs: number;
  dispatches: number;
  /** All timestamps are multiples of so many nanoseconds apart. */
  tickNs: number;
  peak: Peak;
}

/** Sums a recording up. */
export function summarise(recording: Recording, peak: Peak, adapter: string): StepProfile {
  const { plain, timed, passes, lists, timeline } = recording;
  const steps = timed.to - timed.from;
  const shares = sharesOf(lists, (cost) => rooflineMs(peak, cost));
  const sum = shares.kernels.reduce((total, { ms }) => total + ms, 0);
  const count = lists.reduce((total, { groups }) => total + groups.length, 0);
  const within = (names: readonly string[]): number =>
    timeline.total(names, plain.start, plain.end) / (plain.to - plain.from);
  return {
    adapter,
    steps: [timed.from + 1, timed.to],
    stepMs: stepMs(plain, timeline),
    profiledStepMs: stepMs(timed, timeline),
    gpuMs: passes.reduce((sum, list) => sum + busyMs(list), 0) / (plain.to - plain.from),
    kernelMs: sum / steps,
    hostMs: within(hostPhases),
    dataWaitMs: within(['wait for data']),
    dispatches: count / steps,
    tickNs: tickOf(lists),
    peak,
    ...shares,
  };
}

/** The greatest number that divides the distance of all timestamps: how fine the clock is. */
function tickOf(lists: readonly Timed[]): number {
  let tick = 0n;
  const base = lists[0]?.stamps[0] ?? 0n;
  for (const { stamps } of lists) {
    for (const stamp of stamps) {
      let [a, b] = [tick, stamp > base ? stamp - base : base - stamp];
      while (b > 0n) [a, b] = [b, a % b];
      tick = a;
      if (tick === 1n) return 1;
    }
  }
  return Number(tick);
}
