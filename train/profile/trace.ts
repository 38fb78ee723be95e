import type { Timed } from '../../engine/gpu/profiler.ts';
import type { Recording } from './session.ts';

/** An event of the Trace Event Format (Google, "Trace Event Format"), which Perfetto and chrome://tracing read. */
export interface TraceEvent {
  name: string;
  /** M: a track's name, X: a slice, C: a counter. */
  ph: 'M' | 'X' | 'C';
  pid: number;
  tid: number;
  /** Microseconds. */
  ts?: number;
  dur?: number;
  args?: Record<string, string | number>;
}

export interface Trace {
  displayTimeUnit: 'ms';
  traceEvents: TraceEvent[];
}

const PROCESS = 1;
const HOST = 1;
const GPU = 2;

/** The timed steps: what the host did, each dispatch with its step above it, and the losses at the steps' ends. */
export function traceOf(recording: Recording, adapter: string): Trace {
  const { timed, lists, timeline, losses } = recording;
  const clock = gpuClock(lists);
  const us = (ms: number): number => Number(((ms - timed.start) * 1000).toFixed(3));
  const slice = (tid: number, name: string, start: number, end: number, args?: TraceEvent['args']) =>
    ({
      name,
      ph: 'X',
      pid: PROCESS,
      tid,
      ts: us(start),
      dur: Number((Math.max(0, end - start) * 1000).toFixed(3)),
      ...(args && { args }),
    }) satisfies TraceEvent;
  const named = (name: string, tid: number, value: string): TraceEvent => ({
    name,
    ph: 'M',
    pid: PROCESS,
    tid,
    args: { name: value },
  });

  const host = timeline.spans
    .filter(({ start }) => start >= timed.start && start < timed.end)
    .map(({ name, start, end }) => slice(HOST, name, start, end));
  const kernels = lists.flatMap(({ groups, stamps }) =>
    groups.map(([{ pipeline, where, values, grid, flops, bytes }], i) =>
      slice(GPU, pipeline.kernel.name, clock(stamps[2 * i]), clock(stamps[2 * i + 1]), {
        where,
        pipeline: pipeline.label,
        dims: JSON.stringify(values),
        grid: grid.join(' x '),
        flops,
        bytes,
      }),
    ),
  );
  const steps = stepWindows(recording).map(({ step, start, end }) => ({
    step,
    start: clock(start),
    end: clock(end),
  }));
  const counters = losses.flatMap(({ step, focal, dice, total }): TraceEvent[] => {
    const at = steps.find((window) => window.step === step);
    if (!at) return [];
    const counter = (name: string, value: number): TraceEvent => ({
      name,
      ph: 'C',
      pid: PROCESS,
      tid: GPU,
      ts: us(at.end),
      args: { [name]: value },
    });
    return [counter('loss', total), counter('focal', focal), counter('dice', dice)];
  });
  return {
    displayTimeUnit: 'ms',
    traceEvents: [
      named('process_name', HOST, 'npm run train'),
      named('thread_name', HOST, 'host'),
      named('thread_name', GPU, `GPU: ${adapter}`),
      ...host,
      ...steps.map(({ step, start, end }) => slice(GPU, `step ${step + 1}`, start, end)),
      ...kernels,
      ...counters,
    ],
  };
}

/**
 * Milliseconds of `performance.now()` for the GPU's nanoseconds. The two clocks are laid over each other as early as no
 * list begins before it was submitted: exact to the hand-over of the list that had to wait least.
 */
function gpuClock(lists: readonly Timed[]): (stamp: bigint) => number {
  const base = lists[0]?.stamps[0] ?? 0n;
  const since = (stamp: bigint): number => Number(stamp - base) / 1e6;
  const offset = Math.max(...lists.map(({ submitted, stamps }) => submitted - since(stamps[0])));
  return (stamp) => offset + since(stamp);
}

/** First and last timestamp of each timed step. */
function stepWindows({ timed, begins, lists }: Recording): { step: number; start: bigint; end: bigint }[] {
  const steps = [...begins.keys()].filter((step) => step >= timed.from);
  return steps.flatMap((step) => {
    const [from, to] = [begins.get(step) ?? 0, begins.get(step + 1) ?? Infinity];
    const own = lists.filter(({ submitted }) => submitted >= from && submitted < to);
    if (own.length === 0) return [];
    return [{ step, start: own[0].stamps[0], end: own.at(-1)!.stamps.at(-1)! }];
  });
}
