import type { AnyKernel, BufferSpec, Dims, HostArrays, StoreType } from '../../kernels/kernel.ts';
import type { Gpu } from './context.ts';
import { makeInputs, prepare, worstError } from './run.ts';
import type { Choice } from './tiles.ts';

/** One case of a kernel with its seeded inputs and the float64 truth. */
export interface Problem {
  kernel: AnyKernel;
  dims: Dims;
  inputs: HostArrays;
  truth: HostArrays;
}

/** How far one output is from the truth, relative to the truth's largest magnitude. */
export interface OutputError {
  buffer: string;
  /** Infinity where the output is not finite or was not written. */
  error: number;
  /** The kernel's tolerance; 0 for integers. */
  allowed: number;
  ok: boolean;
}

export function makeProblem(kernel: AnyKernel, dims: Dims): Problem {
  const inputs = makeInputs(kernel, dims);
  return { kernel, dims, inputs, truth: kernel.reference(dims, structuredClone(inputs)) };
}

/** Compares every output (write and read_write buffers) with the truth. */
export function compareOutputs(
  { kernel, truth }: Problem,
  found: HostArrays,
  store: StoreType = 'f32',
): OutputError[] {
  return Object.entries(kernel.buffers)
    .filter(([, spec]) => spec.access !== 'read')
    .map(([buffer, spec]) => {
      if (!truth[buffer]) throw new Error(`${kernel.name}: the reference gives no ${buffer}`);
      const error = worstError(found[buffer], truth[buffer]);
      const allowed = allowedError(kernel, spec, store);
      return { buffer, error, allowed, ok: error <= allowed };
    });
}

/** Runs a case once and compares its outputs with the truth. */
export async function checkKernel(gpu: Gpu, problem: Problem, choice: Choice): Promise<OutputError[]> {
  const prepared = prepare(gpu, problem.kernel, choice, problem.dims, problem.inputs);
  prepared.record();
  const found = await prepared.outputs();
  prepared.release();
  return compareOutputs(problem, found);
}

function allowedError({ tolerance }: AnyKernel, { dtype }: BufferSpec, store: StoreType): number {
  if (dtype === 'u32' || dtype === 'i32') return 0;
  return store === 'f16' ? (tolerance.f16 ?? tolerance.f32) : tolerance.f32;
}
