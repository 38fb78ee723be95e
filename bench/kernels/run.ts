import { ensureAdapter } from '../../engine/doctor/ensure.ts';
import { AdapterError, DeviceLostError } from '../../engine/errors.ts';
import { makeProblem, type Problem } from '../../engine/gpu/check.ts';
import { createGpu, type Gpu } from '../../engine/gpu/context.ts';
import { requireF16 } from '../../engine/gpu/device.ts';
import { measurePeak, peakLine } from '../../engine/gpu/peak.ts';
import type { Platform } from '../../engine/gpu/platform.ts';
import { writeFileAtomic } from '../../engine/host/atomic_file.ts';
import { checkOutputFile } from '../../engine/host/output_file.ts';
import type { AnyKernel } from '../../kernels/kernel.ts';
import { copy, multiplyAdd } from '../../kernels/peak/peak.ts';
import { Earlier, isEarlier } from './against.ts';
import { type BenchRequest, parseBench } from './options.ts';
import { notRun, Report, rowsJson, summary } from './report.ts';
import { type Row, RowMaker } from './row.ts';
import { type Job, selectJobs } from './select.ts';
import { decides, duel, findWinner, winnerLine } from './tune.ts';

/** Time for the timing of a row; tuning tries many. */
const BUDGET_MS = 1000;
const TUNING_BUDGET_MS = 400;

export interface BenchOptions {
  platform: Platform;
  kernels: readonly AnyKernel[];
  /** Receives the table. */
  say(text: string): void;
  /** Receives what `DEBUG` asks for. */
  note(text: string): void;
}

/**
 * `npm run bench`.
 * @param argv without node and script.
 * @returns the exit code: 1 when any kernel is wrong.
 */
export async function runBench(argv: string[], options: BenchOptions): Promise<number> {
  const request = parseBench(argv);
  const { platform, kernels } = options;
  if (request.json) checkOutputFile(request.json, '--json');
  await ensureAdapter({ adapter: request.adapter, platform });
  const earlier = request.against ? await Earlier.read(request.against, kernels, platform.readText) : null;
  const readText = async (url: URL) => earlier?.textOf(url) ?? platform.readText(url);
  const gpu = await createGpu(
    { ...platform, readText },
    {
      adapter: request.adapter,
      // a pass for each dispatch would be timed along with it
      profile: false,
      kernels: [...kernels, ...(earlier?.kernels(kernels) ?? []), copy, multiplyAdd],
      onWarning: options.note,
    },
  );
  try {
    const rows = await runJobs(gpu, request, { ...options, platform: { ...platform, readText } }, earlier);
    if (request.json) await writeFileAtomic(request.json, rowsJson(rows));
    return rows.every((row) => row.ok || isEarlier(row)) ? 0 : 1;
  } finally {
    gpu.device.destroy();
  }
}

async function runJobs(
  gpu: Gpu,
  request: BenchRequest,
  { platform, kernels, say }: BenchOptions,
  earlier: Earlier | null,
): Promise<Row[]> {
  const { device, tiles } = gpu;
  const { precision = 'f32' } = request;
  if (precision === 'f16') requireF16(device);
  const jobs = selectJobs(kernels, tiles, request, earlier);
  const peak = await measurePeak(gpu);
  say(`${peakLine(device.name, peak)}\n`);

  const maker = new RowMaker({
    gpu,
    peak,
    precision,
    budgetMs: request.tune ? TUNING_BUDGET_MS : BUDGET_MS,
    readText: platform.readText,
  });
  const report = new Report(jobs);
  say(report.header());
  const rows: Row[] = [];
  for (const job of jobs) {
    const problem = makeProblem(job.kernel, job.dims, precision);
    const found: Row[] = [];
    for (const [i, choice] of job.choices.entries()) {
      const row = await maker.make(problem, job.caseName, choice).catch((error: Error) => {
        throw error instanceof DeviceLostError ? lostAt(job, error) : error;
      });
      found.push(row);
      say(report.row(row));
      if (earlier && isEarlier(row)) say(await comparison(gpu, problem, job, found, i - 1, earlier.revision));
    }
    rows.push(...found);
    if (request.tune && decides(job, jobs)) {
      const winner = await findWinner(job, found, tiles, (a, b) => duel(gpu, problem, a, b));
      say(winnerLine(winner));
      if (winner) {
        const { variant, tile } = winner.choice;
        tiles.tuning.keep(job.kernel, job.dims, precision, { variant: variant.name, tile });
        await platform.saveTuning(device.key, tiles.tuning.table(kernels));
      }
    }
  }
  say(`\n${summary(rows.filter((row) => !isEarlier(row)))}`);
  const others = request.kernel ? notRun(jobs, (kernel) => tiles.fitting(kernel)) : [];
  if (others.length > 0) say(`Not run, see --variant and --all-tiles: ${others.join(', ')}.`);
  return rows;
}

/** How the choice at `now` fares beside its earlier twin, which follows it. */
async function comparison(
  gpu: Gpu,
  problem: Problem,
  { choices }: Job,
  rows: readonly Row[],
  now: number,
  revision: string,
): Promise<string> {
  const [own, twin] = [now, now + 1].map((i) => ({ choice: choices[i], row: rows[i] }));
  if (twin.row.allowedError === null)
    return `  ${revision}: not comparable, it does not run as a kernel of today`;
  if (!twin.row.ok) return `  ${revision}: wrong with today's cases`;
  if (!own.row.ok) return '  no comparison: what is there now is not right';
  const ratio = await duel(gpu, problem, own, twin);
  return `  now ${ratio.toFixed(2)} x as fast as then, in turns`;
}

function lostAt({ kernel, caseName }: Job, { message }: Error): AdapterError {
  return new AdapterError(
    `${kernel.name} ${caseName}: ${message}`,
    'A shader that runs for seconds or never ends is stopped by the driver: look at its loops.',
  );
}
