import { checkKernel, makeProblem } from '../engine/gpu/check.ts';
import type { Gpu } from '../engine/gpu/context.ts';
import { type AnyKernel, type Dims, product } from '../kernels/kernel.ts';
import { measure } from './measure.ts';
import { copy, multiplyAdd } from './peak_kernels.ts';

/** What this adapter does at best, measured in this run. */
export interface Peak {
  /** Multiply-adds in registers only, in billions of operations a second. */
  gflops: number;
  /** Plain copies by how much they move: what fits a cache moves faster. */
  copies: readonly CopySpeed[];
}

export interface CopySpeed {
  /** Read and written together. */
  bytes: number;
  gbps: number;
}

const MEBIBYTE = 2 ** 20;
const COPIES = [2, 16, 128].map((size) => size * MEBIBYTE);
/** Beyond the caches of large GPUs; too slow for a CPU. */
const HUGE_COPY = 512 * MEBIBYTE;
/** Time for each tile that is tried. */
const BUDGET_MS = 200;

/** Checks and times the two peak kernels; of each the fastest run of the fastest tile counts. */
export async function measurePeak(gpu: Gpu): Promise<Peak> {
  const { facts, maxBindingBytes } = gpu.device;
  const arithmetic = { threads: facts.software ? 4096 : 2 ** 19, rounds: 256, factor: 0.5, shift: 0.25 };
  const gflops = multiplyAdd.cost(arithmetic).flops / (await fastestMs(gpu, multiplyAdd, arithmetic)) / 1e6;
  const copies: CopySpeed[] = [];
  for (const size of facts.software ? COPIES : [...COPIES, HUGE_COPY]) {
    const bytes = Math.min(size, 2 * maxBindingBytes);
    copies.push({ bytes, gbps: bytes / (await fastestMs(gpu, copy, { vectors: bytes / 32 })) / 1e6 });
  }
  return { gflops, copies };
}

/** The speed of the copy that comes nearest to moving so many bytes. */
export function copySpeed({ copies }: Peak, bytes: number): number {
  const distance = (copied: CopySpeed): number => Math.abs(Math.log(copied.bytes / Math.max(bytes, 1)));
  return copies.reduce((a, b) => (distance(b) < distance(a) ? b : a)).gbps;
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
    const record = (): void => gpu.recorder.dispatch(pipeline, memories, dims, grid);
    best = Math.min(best, (await measure(gpu, record, BUDGET_MS)).minMs);
  }
  for (const memory of memories) gpu.pool.give(memory);
  return best;
}
