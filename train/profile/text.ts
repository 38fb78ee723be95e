import { kernelTable, sizesTable } from '../../engine/gpu/kernel_times.ts';
import { peakLine } from '../../engine/gpu/peak.ts';
import { digits } from '../../engine/host/table.ts';
import type { StepProfile } from './summary.ts';

/** A clock coarser than this tells nothing about a single dispatch. */
const COARSE_NS = 10_000;

/** `profile.txt`: how a step's time is spent, then kernels, then the slowest sizes. */
export function profileText(profile: StepProfile): string {
  return `${profileSummary(profile)}

${sizesTable(profile.shapes)}
`;
}

/** The part of {@link profileText} without sizes, for the terminal. */
export function profileSummary(profile: StepProfile): string {
  const [first, last] = profile.steps;
  return `${headText(profile)}

Kernels, steps ${first} to ${last} together

${kernelTable(profile.kernels)}`;
}

function headText(profile: StepProfile): string {
  const { adapter, peak, stepMs, profiledStepMs, gpuMs, kernelMs, hostMs, dataWaitMs, dispatches, tickNs } =
    profile;
  const share = (ms: number): string => `${digits(ms)} ms (${((100 * ms) / stepMs).toFixed(1)}%)`;
  const tick = tickNs >= 1000 ? `${(tickNs / 1000).toFixed(1)} us` : `${tickNs} ns`;
  const coarse = tickNs > COARSE_NS ? ': trust sums, not single dispatches' : '';
  return `${peakLine(adapter, peak)}
a step takes ${digits(stepMs)} ms: GPU at work ${share(gpuMs)}, host (uploads, encoding, submitting) ${share(hostMs)}, waiting for data ${share(dataWaitMs)}
${Math.round(dispatches)} dispatches a step; timed each in a pass of its own they take ${digits(kernelMs)} ms, in a step of ${digits(profiledStepMs)} ms, hand-over included; timestamps come in steps of ${tick}${coarse}
roofline: the share of the time that arithmetic or a plain copy of as many bytes would take at the peak above`;
}
