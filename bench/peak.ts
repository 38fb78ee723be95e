import { checkKernel, makeProblem } from '../engine/gpu/check.ts';
import type { Gpu } from '../engine/gpu/context.ts';
import { type AnyKernel, type Dims, product } from '../kernels/kernel.ts';
import { measure } from './measure.ts';
import { copy, multiplyAdd } from './peak_kernels.ts';

/** What this adapter does at best, measured in this run: billions of operations and of bytes a second. */
export interface Peak {
  gflops: number;
  gbps: number;
}

const MEBIBYTE = 2 ** 20;
/** Time for each tile that is tried. */
const BUDGET_MS = 250;

/** Checks and times the two peak kernels; the fastest run of the fastest tile counts. */
export async function measurePeak(gpu: Gpu): Promise<Peak> {
  const { software } = gpu.device.facts;
  const arithmetic = { threads: software ? 4096 : 2 ** 19, rounds: 256, factor: 0.5, shift: 0.25 };
  // beyond the caches, yet quick on a CPU
  const bytes = Math.min(gpu.device.maxBindingBytes, (software ? 64 : 256) * MEBIBYTE);
  const moved = { vectors: Math.floor(bytes / 16) };
  return {
    gflops: multiplyAdd.cost(arithmetic).flops / (await fastestMs(gpu, multiplyAdd, arithmetic)) / 1e6,
    gbps: copy.cost(moved).bytes / (await fastestMs(gpu, copy, moved)) / 1e6,
  };
}

async function fastestMs(gpu: Gpu, kernel: AnyKernel, dims: Dims): Promise<number> {
  const [variant] = kernel.variants;
  const problem = makeProblem(kernel, Object.values(kernel.cases)[0]);
  // the contents do not matter here, so nothing is uploaded
  const memories = Object.entries(kernel.buffers).map(([name, spec]) =>
    gpu.pool.take(4 * product(spec.shape(dims)), `${kernel.name}.${name}`),
  );
  let best = Infinity;
  for (const tile of variant.tile.space) {
    const wrong = (await checkKernel(gpu, problem, { variant, tile })).find(({ ok }) => !ok);
    if (wrong) throw new Error(`${kernel.name} ${JSON.stringify(tile)} is wrong by ${wrong.error}`);
    const pipeline = gpu.pipelines.get(kernel, variant, tile, 'f32');
    const grid = variant.grid(dims, tile);
    const { minMs } = await measure(
      gpu,
      () => gpu.recorder.dispatch(pipeline, memories, dims, grid),
      BUDGET_MS,
    );
    best = Math.min(best, minMs);
  }
  for (const memory of memories) gpu.pool.give(memory);
  return best;
}
