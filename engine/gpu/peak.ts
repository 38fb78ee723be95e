import { type AnyKernel, type Dims, product, tilesOf } from '../../kernels/kernel.ts';
import { copy, multiplyAdd } from '../../kernels/peak/peak.ts';
import { AdapterError } from '../errors.ts';
import { digits } from '../host/table.ts';
import { checkKernel, makeProblem } from './check.ts';
import { createGpu, type Gpu } from './context.ts';
import type { Cost } from './kernel_times.ts';
import { measure } from './measure.ts';
import type { Platform } from './platform.ts';

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

/**
 * {@link measurePeak} on a device of its own, which is given back.
 * @param flag the option that is to time kernels, where one was given.
 * @throws AdapterError where the adapter has no timestamps for it.
 */
export async function measurePeakOf(
  platform: Platform,
  adapter: string | undefined,
  flag: string | null = null,
): Promise<Peak> {
  const gpu = await createGpu(platform, { adapter, profile: false, kernels: [copy, multiplyAdd] });
  try {
    if (flag && !gpu.device.hasTimestamps) {
      throw new AdapterError(
        `${gpu.device.name} has no timestamp queries (WebGPU feature timestamp-query): kernels cannot be timed`,
        `Leave ${flag} away, or choose another adapter with --adapter.`,
      );
    }
    return await measurePeak(gpu);
  } finally {
    await gpu.close();
  }
}

/** The least milliseconds that the peak allows: arithmetic and memory traffic overlap. Williams et al. 2009, "Roofline". */
export function rooflineMs(peak: Peak, { flops, bytes }: Cost): number {
  return Math.max(flops / peak.gflops, bytes / copySpeed(peak, bytes)) / 1e6;
}

/** What shares of a run are of. */
export function peakLine(adapter: string, { gflops, copies }: Peak): string {
  const moved = copies.map(({ bytes, gbps }) => `${Math.round(bytes / 2 ** 20)} MiB at ${digits(gbps)}`);
  return `${adapter}: at best ${digits(gflops)} GFLOP/s; copies move ${moved.join(', ')} GB/s (measured now)`;
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
  for (const tile of tilesOf(variant)) {
    const wrong = (await checkKernel(gpu, problem, { variant, tile })).find(({ ok }) => !ok);
    if (wrong) throw new Error(`${kernel.name} ${JSON.stringify(tile)} is wrong by ${wrong.error}`);
    const pipeline = gpu.pipelines.get(kernel, { variant, tile }, dims, 'f32');
    const grid = variant.grid(dims, tile);
    const record = (): void => gpu.recorder.dispatch(pipeline, memories, dims, grid);
    best = Math.min(best, (await measure(gpu, record, BUDGET_MS)).minMs);
  }
  for (const memory of memories) gpu.pool.give(memory);
  return best;
}
