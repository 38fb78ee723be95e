import { DeviceLostError, GpuError, OutOfMemoryError } from '../../engine/errors.ts';
import { compareOutputs, type OutputError, type Problem } from '../../engine/gpu/check.ts';
import type { Gpu } from '../../engine/gpu/context.ts';
import { fileText } from '../../engine/gpu/file_text.ts';
import { measure } from '../../engine/gpu/measure.ts';
import { copySpeed, type Peak } from '../../engine/gpu/peak.ts';
import { type Prepared, prepare } from '../../engine/gpu/run.ts';
import type { Choice } from '../../engine/gpu/tiles.ts';
import { type AnyKernel, constantsOf, costOf, type StoreType, tilesOf } from '../../kernels/kernel.ts';
import { declarationProblems } from '../../kernels/specialise.ts';
import { describeTile } from './tile_text.ts';

/** One kernel at one size with one variant and tile; what `--json` writes. Speeds are null unless `ok`. */
export interface Row {
  kernel: string;
  case: string;
  /** The variant's name and the values of its tile constants. */
  tile: { variant: string; [constant: string]: string | number };
  /** What is stored in the buffers whose precision can be chosen. */
  dtype: StoreType;
  adapter: string;
  ok: boolean;
  /** Of the output that is worst for its tolerance, relative to its largest value; null without a finite one. */
  maxError: number | null;
  /** Median of one dispatch, warm. */
  ms: number | null;
  gflops: number | null;
  gbps: number | null;
  /** What `maxError` may be. */
  allowedError: number | null;
  /** Of the adapter's peak: of its arithmetic, or of a copy of as many bytes, whichever share is larger. */
  share: number | null;
  bound: 'compute' | 'memory' | null;
  /** Compiling and the first dispatch together; null where an earlier row compiled it. */
  firstMs: number | null;
  minMs: number | null;
  runs: number | null;
  dispatches: number | null;
  /** What is wrong, or null. */
  problem: string | null;
}

/** Below so many operations and bytes the hand-over of a dispatch is most of the time: a short look will do. */
const SMALL = 1e7;
/** Outputs are filled with numbers of about 3e38 before a run. */
const UNWRITTEN = 1e30;

/** What rows are made with. */
export interface Surroundings {
  gpu: Gpu;
  peak: Peak;
  /** Of all the problems. */
  precision: StoreType;
  /** Time for the timing of a row. */
  budgetMs: number;
  readText(url: URL): Promise<string>;
}

/** Makes rows; remembers what did not compile, as the pipeline cache would hand it out again. */
export class RowMaker {
  private readonly with: Surroundings;
  private readonly broken = new Map<string, string>();

  constructor(surroundings: Surroundings) {
    this.with = surroundings;
  }

  /**
   * Compiles, checks and, if the outputs are right, times one choice. Whatever is wrong with the kernel becomes the
   * row's `problem`.
   * @throws DeviceLostError when nothing more can run.
   */
  async make(problem: Problem, caseName: string, choice: Choice): Promise<Row> {
    const { gpu } = this.with;
    const { kernel, dims, inputs, stores } = problem;
    const row = emptyRow(kernel, caseName, choice, gpu.device.name, this.with.precision);
    let prepared: Prepared | null = null;
    try {
      const compileMs = await this.compile(problem, choice);
      gpu.debug(3, () => buffersText(problem));
      prepared = prepare(gpu, kernel, choice, dims, inputs, stores);
      await gpu.device.settle();
      prepared.record();
      const start = performance.now();
      gpu.recorder.flush();
      await gpu.device.settle();
      if (compileMs !== null) row.firstMs = compileMs + performance.now() - start;
      this.judge(row, compareOutputs(problem, await prepared.outputs()));
      if (row.ok) await this.time(row, problem, prepared);
      else if (!isListed(choice)) row.problem += unlistedText(choice);
    } catch (error) {
      if (!(error instanceof GpuError || error instanceof OutOfMemoryError)) throw error;
      row.ok = false;
      row.problem = withoutTrail(error.message);
    } finally {
      prepared?.release();
    }
    return row;
  }

  /**
   * @returns how long compiling took; null where the pipeline was there.
   * @throws GpuError where the shader does not compile or does not fit its descriptor.
   */
  private async compile({ kernel, dims, stores }: Problem, choice: Choice): Promise<number | null> {
    const { gpu, readText } = this.with;
    const { variant, tile } = choice;
    const key = `${kernel.name} ${variant.name} ${JSON.stringify(constantsOf(variant, tile, dims))}`;
    const known = this.broken.get(key);
    if (known !== undefined) throw new GpuError(known);
    const text = await readText(variant.source);
    try {
      const [mismatch] = declarationProblems(kernel, variant, text);
      if (mismatch) throw new GpuError(`${fileText(variant.source)}: ${mismatch}`);
      const before = gpu.pipelines.created;
      const start = performance.now();
      gpu.pipelines.get(kernel, choice, dims, stores);
      await gpu.device.settle();
      return gpu.pipelines.created === before ? null : performance.now() - start;
    } catch (error) {
      if (error instanceof DeviceLostError) throw error;
      const message = (error as Error).message;
      this.broken.set(key, message);
      throw new GpuError(message);
    }
  }

  private judge(row: Row, errors: readonly OutputError[]): void {
    const worst = errors.reduce((a, b) => (badness(b) > badness(a) ? b : a));
    row.ok = errors.every(({ ok }) => ok);
    row.maxError = Number.isFinite(worst.error) ? worst.error : null;
    row.allowedError = worst.allowed;
    const wrong = errors.filter(({ ok }) => !ok).map(wrongText);
    if (wrong.length > 0) row.problem = wrong.join('\n');
  }

  private async time(row: Row, { kernel, dims, stores }: Problem, prepared: Prepared): Promise<void> {
    const { gpu, peak, budgetMs } = this.with;
    const { flops, bytes } = costOf(kernel, dims, stores);
    const timing = await measure(gpu, prepared.record, flops + bytes < SMALL ? budgetMs / 4 : budgetMs);
    gpu.debug(2, () => `${row.kernel} ${row.case}: ${JSON.stringify(timing)}`);
    const gflops = flops / timing.ms / 1e6;
    const gbps = bytes / timing.ms / 1e6;
    const compute = gflops / peak.gflops;
    const memory = gbps / copySpeed(peak, bytes);
    const bound = compute >= memory ? 'compute' : 'memory';
    Object.assign(row, timing, { gflops, gbps, share: Math.max(compute, memory), bound });
  }
}

/** Leaves out empty lines and Dawn's list of the calls that led to an error. */
function withoutTrail(message: string): string {
  const lines = message.split('\n').filter((line) => line.trim() !== '' && !/^ - While /.test(line));
  return lines.join('\n');
}

/** Whether the descriptor promises that the variant works with this tile. */
function isListed({ variant, tile }: Choice): boolean {
  return tilesOf(variant).some((listed) => describeTile(listed) === describeTile(tile));
}

function unlistedText({ variant, tile }: Choice): string {
  const listed = tilesOf(variant).map(describeTile).join(', ');
  return `\n${describeTile(tile)} is none of the tiles that ${variant.name} is made for: ${listed}`;
}

function emptyRow(
  kernel: AnyKernel,
  caseName: string,
  { variant, tile }: Choice,
  adapter: string,
  dtype: StoreType,
): Row {
  return {
    kernel: kernel.name,
    case: caseName,
    tile: { variant: variant.name, ...tile },
    dtype,
    adapter,
    ok: false,
    maxError: null,
    ms: null,
    gflops: null,
    gbps: null,
    allowedError: null,
    share: null,
    bound: null,
    firstMs: null,
    minMs: null,
    runs: null,
    dispatches: null,
    problem: null,
  };
}

/** The error in units of what is allowed; any error of an exact output outweighs all others. */
function badness({ error, allowed }: OutputError): number {
  if (error === 0) return 0;
  return allowed === 0 ? Infinity : error / allowed;
}

function wrongText({ buffer, error, allowed }: OutputError): string {
  if (!Number.isFinite(error)) return `${buffer} is not finite or has the wrong length`;
  if (error > UNWRITTEN) return `a part of ${buffer} was not written`;
  const limit = allowed === 0 ? 'exact values are wanted' : `${allowed.toExponential(1)} is allowed`;
  return `${buffer} is wrong by ${error.toExponential(1)} of its largest value, ${limit}`;
}

function buffersText({ kernel, dims }: Problem): string {
  const sizes = Object.entries(kernel.buffers).map(
    ([name, { access, dtype, shape }]) => `  ${name} ${access} ${dtype} (${shape(dims).join(', ')})`,
  );
  return [`${kernel.name} ${JSON.stringify(dims)}`, ...sizes].join('\n');
}
