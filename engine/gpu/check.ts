import {
  type AnyKernel,
  type BufferSpec,
  type Dims,
  elementType,
  type HostArrays,
  type Stores,
} from '../../kernels/kernel.ts';
import type { Gpu } from './context.ts';
import { makeInputs, prepare, worstError } from './run.ts';
import type { Choice } from './tiles.ts';

/** One case of a kernel with its seeded inputs and the float64 truth. */
export interface Problem {
  kernel: AnyKernel;
  dims: Dims;
  stores: Stores;
  /** As the buffers can hold them: in f16, rounded to it. */
  inputs: HostArrays;
  truth: HostArrays;
}

/** How far one output is from the truth, relative to the truth's largest magnitude. */
export interface OutputError {
  buffer: string;
  /** Infinity where the output is not finite or was not written. */
  error: number;
  /** The kernel's tolerance, in f16 with its rounding; 0 for integers. */
  allowed: number;
  ok: boolean;
}

export function makeProblem(kernel: AnyKernel, dims: Dims, stores: Stores = 'f32'): Problem {
  const inputs = makeInputs(kernel, dims, stores);
  return { kernel, dims, stores, inputs, truth: kernel.reference(dims, structuredClone(inputs)) };
}

/** Compares every output (write and read_write buffers) with the truth. */
export function compareOutputs({ kernel, truth, stores }: Problem, found: HostArrays): OutputError[] {
  return Object.entries(kernel.buffers)
    .filter(([, spec]) => spec.access !== 'read')
    .map(([buffer, spec]) => {
      if (!truth[buffer]) throw new Error(`${kernel.name}: the reference gives no ${buffer}`);
      const error = worstError(found[buffer], truth[buffer]);
      const allowed = allowedError(kernel, spec, stores);
      return { buffer, error, allowed, ok: error <= allowed };
    });
}

/** Runs a case once and compares its outputs with the truth. */
export async function checkKernel(gpu: Gpu, problem: Problem, choice: Choice): Promise<OutputError[]> {
  const { kernel, dims, inputs, stores } = problem;
  const prepared = prepare(gpu, kernel, choice, dims, inputs, stores);
  prepared.record();
  const found = await prepared.outputs();
  prepared.release();
  return compareOutputs(problem, found);
}

/** A unit in the last place of f16, relative to the largest value: WGSL leaves open in which direction it rounds. */
const F16_ROUNDING = 2 ** -10;

function allowedError({ tolerance }: AnyKernel, { dtype }: BufferSpec, stores: Stores): number {
  const type = elementType(dtype, stores);
  if (type === 'u32' || type === 'i32') return 0;
  return type === 'f16' ? tolerance + F16_ROUNDING : tolerance;
}
