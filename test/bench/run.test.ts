import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Row, RowMaker } from '../../bench/kernels/row.ts';
import { runBench } from '../../bench/kernels/run.ts';
import { DataError } from '../../engine/errors.ts';
import { makeProblem } from '../../engine/gpu/check.ts';
import { createGpu } from '../../engine/gpu/context.ts';
import { nodePlatform } from '../../engine/gpu/node.ts';
import type { AnyKernel } from '../../kernels/kernel.ts';
import { rejectionOf } from '../support/error_of.ts';
import { projectPath } from '../support/paths.ts';
import { double, makeFolder } from './support.ts';

const test = suite('bench');

const folder = makeFolder();
const platform = nodePlatform({ cache: new URL('cache/', folder) });
const json = fileURLToPath(new URL('rows.json', folder));

/** What the command prints, writes and ends with. */
async function bench(kernels: AnyKernel[], ...argv: string[]) {
  const lines: string[] = [];
  const say = (text: string) => void lines.push(text);
  const code = await runBench([...argv, '--json', json], { platform, kernels, say, note: say });
  const rows = JSON.parse(readFileSync(json, 'utf8')) as Row[];
  return { code, rows, output: lines.join('\n') };
}

test('a right kernel gets speeds, a wrong one and a broken one none, and all rows run', async () => {
  const kernels = [
    double(folder, 'off.by_one_percent', { factor: 2.02 }),
    double(folder, 'broken', { statement: 'y[i] = 2.0 * z[i];' }),
    double(folder, 'half', { statement: 'if (i % 2 == 0) { y[i] = 2.0 * x[i]; }' }),
    double(folder, 'mismatched', { dims: 'count: u32, more: u32' }),
    double(folder, 'right'),
  ];
  const { code, rows, output } = await bench(kernels, '--case', 'odd');
  assert.is(code, 1);
  assert.equal(
    rows.map(({ kernel, ok, ms, gflops, gbps }) => [kernel, ok, ms === null, gflops === null, gbps === null]),
    [
      ['off.by_one_percent', false, true, true, true],
      ['broken', false, true, true, true],
      ['half', false, true, true, true],
      ['mismatched', false, true, true, true],
      ['right', true, false, false, false],
    ],
  );
  const [off, broken, half, mismatched, right] = rows;
  assert.ok(Math.abs(off.maxError! - 0.02 / 2.02) < 1e-5, `${off.maxError}`);
  assert.match(
    output,
    /off\.by_one_percent .* 9\.9e-3 +1\.0e-6 +WRONG +- +- +- +\d+\n +y is wrong by 9\.9e-3 of its/,
  );

  const place = `${new URL('broken.wgsl', folder).pathname}:12:16: error: unresolved value 'z'`;
  assert.ok(
    broken.problem?.startsWith('kernel broken plain {"WG":64} f32 does not compile'),
    `${broken.problem}`,
  );
  assert.ok(broken.problem?.includes(place), `${broken.problem}`);
  assert.ok(output.includes(`  ${place}`));
  assert.not.match(output, /\n +at .*\.ts/);

  assert.is(half.problem, 'a part of y was not written');
  assert.match(
    mismatched.problem!,
    'struct Dims { count: u32, more: u32 } but the descriptor has { count: u32 }',
  );

  assert.equal([right.maxError, right.allowedError, right.problem], [0, 1e-6, null]);
  assert.equal(right.tile, { variant: 'plain', WG: 64 });
  assert.ok(Math.abs(right.gbps! / right.gflops! - 8) < 1e-9);
  assert.ok(Math.abs(right.gflops! * right.ms! * 1e6 - 77) < 1e-6);
  assert.ok(right.share! > 0 && right.bound === 'memory' && right.firstMs! > 0 && right.runs! >= 5);
  assert.match(output, /\n5 rows, 4 wrong$/);
});

test('what the sizes decide is compiled once, and counts as the first run', async () => {
  const kernel = double(folder, 'sized');
  const sized = { ...kernel.variants[1], constants: () => ({ WG: 128 }) };
  const gpu = await createGpu(platform, { kernels: [kernel] });
  const maker = new RowMaker({
    gpu,
    peak: { gflops: 1, copies: [{ bytes: 1, gbps: 1 }] },
    precision: 'f32',
    budgetMs: 1,
    readText: platform.readText,
  });
  const choice = { variant: sized, tile: { WG: 64 } };
  const make = () => maker.make(makeProblem(kernel, { count: 77 }), 'odd', choice);
  const [first, second] = [await make(), await make()];
  assert.ok(first.ok && first.firstMs !== null && second.ok);
  assert.is(second.firstMs, null);
  assert.is(gpu.pipelines.created, 1);
  await gpu.close();
});

test('tuning keeps the fastest right tile where training finds it', async () => {
  const kernel = double(folder, 'tuned');
  const { code, rows, output } = await bench([kernel], '--tune');
  assert.is(code, 0);
  assert.equal(
    rows.map((row) => [row.case, row.tile.WG]),
    [
      ['small', 64],
      ['small', 32],
      ['odd', 64],
      ['odd', 32],
    ],
  );
  assert.is(output.match(/^ {2}kept plain WG=\d+/gm)?.length, 1, 'both cases are of one class');
  const gpu = await createGpu(platform, { kernels: [kernel] });
  const stored = await platform.loadTuning(gpu.device.key);
  const [[key, choice], ...more] = Object.entries(stored);
  assert.match(key, /^tuned [0-9a-f]{8} f32 7$/);
  assert.is(more.length, 0);
  assert.is(gpu.tiles.choose(kernel, { count: 100 }).tile.WG, choice.tile.WG);
  await gpu.close();
});

test('files that are missing are named before anything runs', async () => {
  const kernel = double(folder, 'lost');
  const say = () => {};
  const run = (kernels: AnyKernel[], ...argv: string[]) =>
    rejectionOf(DataError, () => runBench(argv, { platform, kernels, say, note: say }));
  const noFolder = await run([kernel], '--json', '/nonexistent/rows.json');
  assert.match(noFolder.message, '/nonexistent/rows.json: cannot be written, /nonexistent: no such file');
  const variants = [{ ...kernel.variants[1], source: new URL('absent.wgsl', folder) }];
  const noShader = await run([{ ...kernel, variants }]);
  assert.match(noShader.message, /absent\.wgsl: cannot be read: ENOENT/);
  assert.match(noShader.hint, /A kernel names it/);
});

test('the command ends with the right code and without a stack', () => {
  const run = (...argv: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...argv], {
      cwd: projectPath(),
      encoding: 'utf8',
    });
  const unknown = run('--kernel', 'layernrom.forward');
  assert.is(unknown.status, 1);
  assert.match(
    unknown.stderr,
    /^error: there is no kernel 'layernrom\.forward'\n {2}Did you mean 'layernorm\.forward'\?/m,
  );
  assert.not.match(unknown.stderr, /\n +at /);
  const help = run('--help');
  assert.is(help.status, 0);
  assert.match(help.stdout, 'npm run bench --');
});

test.run();
