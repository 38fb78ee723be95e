import type { Dims, Grid } from '../../kernels/kernel.ts';
import type { Pipeline } from './pipeline.ts';

/** One entry of a step's dispatch list: plain data, so that a list can be kept and encoded again. */
export type Command = Dispatch | Transfer;

export interface Dispatch {
  kind: 'dispatch';
  pipeline: Pipeline;
  /** Group 0: the kernel's buffers. */
  buffers: GPUBindGroup;
  /** Group 1: its dims. */
  dims: GPUBindGroup;
  grid: Grid;
  flops: number;
  bytes: number;
  /** What the profiler tells: kernel, operation and place in the model, and the values of `dims`. */
  where: string;
  values: Dims;
}

/** Where bytes are to be found. */
export interface Place {
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

export type Transfer =
  | { kind: 'copy'; from: Place; to: Place; bytes: number }
  | { kind: 'clear'; place: Place; bytes: number };

/**
 * The most work of one submit, in floating-point operations, counted by dispatches: systems reset a GPU that is busy
 * with one for seconds (Windows after 2), and this is half a second on one of 0.2 TFLOP/s.
 */
const SUBMIT_FLOPS = 1e11;

/** Cuts a list into parts for a submit each. */
export function* submits(commands: readonly Command[], most = SUBMIT_FLOPS): Generator<readonly Command[]> {
  let first = 0;
  let flops = 0;
  for (const [i, command] of commands.entries()) {
    const more = command.kind === 'dispatch' ? command.flops : 0;
    if (more > 0 && i > first && flops + more > most) {
      yield commands.slice(first, i);
      first = i;
      flops = 0;
    }
    flops += more;
  }
  if (first < commands.length) yield commands.slice(first);
}

/** One compute pass for each run of dispatches; copies and clears stand between passes. */
export function encode(encoder: GPUCommandEncoder, commands: readonly Command[]): void {
  let pass: GPUComputePassEncoder | null = null;
  for (const command of commands) {
    if (command.kind === 'dispatch') {
      pass ??= encoder.beginComputePass();
      dispatchOn(pass, command);
      continue;
    }
    pass?.end();
    pass = null;
    transferOn(encoder, command);
  }
  pass?.end();
}

export function dispatchOn(pass: GPUComputePassEncoder, command: Dispatch): void {
  pass.setPipeline(command.pipeline.gpu);
  pass.setBindGroup(0, command.buffers);
  pass.setBindGroup(1, command.dims);
  pass.dispatchWorkgroups(...command.grid);
}

export function transferOn(encoder: GPUCommandEncoder, command: Transfer): void {
  if (command.kind === 'copy') {
    const { from, to, bytes } = command;
    encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes);
  } else encoder.clearBuffer(command.place.buffer, command.place.offset, command.bytes);
}
