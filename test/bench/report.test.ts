import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { notRun, Report, rowsJson, summary } from '../../bench/kernels/report.ts';
import type { Row } from '../../bench/kernels/row.ts';
import type { Job } from '../../bench/kernels/select.ts';
import { decides, findWinner, winnerLine } from '../../bench/kernels/tune.ts';
import { median } from '../../engine/gpu/measure.ts';
import { copySpeed, type Peak, peakLine, rooflineMs } from '../../engine/gpu/peak.ts';
import { TileTable } from '../../engine/gpu/tiles.ts';
import { Tuning } from '../../engine/gpu/tuner.ts';
import { tilesOf } from '../../kernels/kernel.ts';
import { double, makeFolder } from './support.ts';

const test = suite('bench: what is told');

const kernel = double(makeFolder(), 'twice.forward');
const plain = kernel.variants[1];
const job = (count: number): Job => ({
  kernel,
  caseName: `of ${count}`,
  dims: { count },
  choices: tilesOf(plain).map((tile) => ({ variant: plain, tile })),
});
const right: Row = {
  kernel: 'twice.forward',
  case: 'of 77',
  tile: { variant: 'plain', WG: 64 },
  dtype: 'f32',
  adapter: 'a card',
  ok: true,
  maxError: 1.234e-7,
  ms: 0.01234,
  gflops: 12.345,
  gbps: 123.4,
  allowedError: 1e-6,
  share: 0.456,
  bound: 'memory',
  firstMs: 12.6,
  minMs: 0.012,
  runs: 9,
  dispatches: 100,
  problem: null,
};
const speedless = { ms: null, gflops: null, gbps: null, share: null, bound: null, minMs: null };
const wrong: Row = { ...right, ...speedless, ok: false, maxError: 0.01, problem: 'y is wrong by 1.0e-2' };
const failed: Row = {
  ...wrong,
  maxError: null,
  allowedError: null,
  firstMs: null,
  problem: 'kernel does not compile\na.wgsl:3:1: error: no',
};

test('rows line up under the header', () => {
  const report = new Report([job(77)]);
  assert.equal(
    [report.header(), report.row(right)],
    [
      'kernel         case   variant         error  allowed       ms  GFLOP/s    GB/s       of peak  first ms',
      'twice.forward  of 77  plain WG=64    1.2e-7   1.0e-6    0.012     12.3     123    46% memory        13',
    ],
  );
});

test('a wrong row has no speed and tells found and allowed error', () => {
  const [line, problem] = new Report([job(77)]).row(wrong).split('\n');
  assert.match(line, / 1\.0e-2 +1\.0e-6 +WRONG +- +- +- +13$/);
  assert.is(problem, '  y is wrong by 1.0e-2');
  const infinite = new Report([job(77)]).row({ ...wrong, maxError: null });
  assert.match(infinite, / infinite +1\.0e-6 +WRONG /);
});

test('a row that failed tells why, at full length once', () => {
  const report = new Report([job(77)]);
  const first = report.row(failed).split('\n');
  assert.match(first[0], / - +- +FAILED +- +- +- +-$/);
  assert.equal(first.slice(1), ['  kernel does not compile', '  a.wgsl:3:1: error: no']);
  assert.equal(report.row(failed).split('\n').slice(1), ['  kernel does not compile (see above)']);
});

test('exact outputs and zero errors are named so', () => {
  const line = new Report([job(77)]).row({ ...right, maxError: 0, allowedError: 0, ms: 123.4, minMs: 123 });
  assert.match(line, / 0 +exact +123 /);
});

test('numbers of any size keep the columns', () => {
  const small = new Report([job(77)]).row({ ...right, ms: 0.0005, minMs: 0.0005, gflops: 0, gbps: 6.7e-5 });
  assert.match(small, / {2}5\.0e-4 {8}0 {2}6\.7e-5 {4}46% memory/);
});

test('an unsteady time is marked', () => {
  assert.match(new Report([job(77)]).row({ ...right, ms: 14, minMs: 10 }), / {2}~14\.0 /);
  assert.match(new Report([job(77)]).row({ ...right, ms: 12.9, minMs: 10 }), / {2}12\.9 /);
});

test('the summary counts', () => {
  assert.is(summary([right]), '1 row, all right');
  assert.is(summary([right, wrong, failed]), '3 rows, 2 wrong');
});

test('shaders that did not run are named, those of a file that ran are not', () => {
  const other = { ...plain, name: 'tiled', source: new URL('tiled.wgsl', plain.source) };
  const twin = { ...plain, name: 'twin' };
  const jobs = [job(77), job(100)];
  assert.equal(
    notRun(jobs, () => [plain, twin, other]),
    ['twice.forward tiled (tiled.wgsl)'],
  );
  assert.equal(
    notRun(jobs, () => [plain]),
    [],
  );
});

test('JSON rows begin with the ten fields and speeds of wrong ones are null', () => {
  const rows = JSON.parse(rowsJson([right, wrong]));
  assert.equal(rows, [right, wrong]);
  assert.is(
    Object.keys(rows[1]).slice(0, 10).join(' '),
    'kernel case tile dtype adapter ok maxError ms gflops gbps',
  );
  assert.is(rowsJson([right, wrong]).split('\n').length, 5);
});

const peak: Peak = {
  gflops: 100,
  copies: [
    { bytes: 2 ** 21, gbps: 40 },
    { bytes: 2 ** 24, gbps: 20 },
    { bytes: 2 ** 27, gbps: 10 },
  ],
};

test('the peak of a row is the copy of the nearest size', () => {
  assert.equal(
    [0, 1000, 2 ** 22, 2 ** 23, 2 ** 25, 2 ** 26, 2 ** 33].map((bytes) => copySpeed(peak, bytes)),
    [40, 40, 40, 20, 20, 10, 10],
  );
  assert.is(
    peakLine('a card', peak),
    'a card: at best 100 GFLOP/s; copies move 2 MiB at 40.0, 16 MiB at 20.0, 128 MiB at 10.0 GB/s (measured now)',
  );
});

test('the roofline is the slower of arithmetic and memory', () => {
  assert.is(rooflineMs(peak, { flops: 1e8, bytes: 4000 }), 1);
  assert.is(rooflineMs(peak, { flops: 1e3, bytes: 1e8 }), 10);
});

test('the median of odd and even counts', () => {
  assert.equal([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])], [2, 2.5, 7]);
});

const noFacts = { subgroupMinSize: 0, subgroupMaxSize: 0, maxWorkgroupSize: 256, maxWorkgroupStorage: 0 };
const tiles = new TileTable(
  { software: true, subgroups: false, f16: false, ...noFacts },
  new Tuning(new Map()),
);
const timed = (...times: (number | null)[]): Row[] =>
  times.map((minMs) => (minMs === null ? wrong : { ...right, minMs }));

test('the fastest right choice wins, the default where nothing is clearly faster', async () => {
  const winner = async (...times: (number | null)[]) => {
    const found = await findWinner(job(77), timed(...times), tiles, async (rival, standard) => {
      assert.equal([rival.choice.tile.WG, standard.choice.tile.WG], [32, 64]);
      return times[0]! / times[1]!;
    });
    return [found?.choice.tile.WG, winnerLine(found)];
  };
  assert.equal(await winner(2, 1), [32, '  kept plain WG=32, 2.00 x the default']);
  assert.equal(await winner(1.02, 1), [64, '  kept plain WG=64, the default']);
  assert.equal(await winner(2, null), [64, '  kept plain WG=64, the default']);
  assert.equal(await winner(null, 1), [32, '  kept plain WG=32: the default is wrong']);
  assert.equal(await winner(null, null), [undefined, '  nothing kept: no choice is right']);
});

test('the most expensive case of a class of shapes decides', () => {
  const jobs = [job(65), job(77), job(300)];
  assert.equal(
    jobs.map((one) => decides(one, jobs)),
    [false, true, true],
  );
});

test.run();
