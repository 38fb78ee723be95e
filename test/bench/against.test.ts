import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runBench } from '../../bench/kernels/run.ts';
import { ConfigError } from '../../engine/errors.ts';
import { nodePlatform } from '../../engine/gpu/node.ts';
import type { AnyKernel } from '../../kernels/kernel.ts';
import { rejectionOf } from '../support/error_of.ts';
import { double, makeFolder } from './support.ts';

const test = suite('bench: against a revision');
const folder = makeFolder();
const platform = nodePlatform({ cache: new URL('cache/', folder) });
const git = (...command: string[]) => {
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b.c'];
  execFileSync('git', [...who, ...command], { cwd: fileURLToPath(folder), stdio: 'ignore' });
};

const kernel = double(folder, 'twice');
const same = double(folder, 'same');
test.before(() => {
  git('init');
  git('add', '.');
  git('commit', '-m', 'first');
});

/** Exit code and lines of a run. */
async function bench(kernels: AnyKernel[], ...argv: string[]) {
  const lines: string[] = [];
  const say = (text: string) => void lines.push(...text.split('\n'));
  const code = await runBench(argv, { platform, kernels, say, note: say });
  return { code, lines };
}

test('nothing that differs, and no such revision, are told', async () => {
  const nothing = await rejectionOf(ConfigError, () => bench([kernel, same], '--against'));
  assert.is(nothing.message, 'no shader that could run here differs from HEAD');
  const unknown = await rejectionOf(ConfigError, () => bench([kernel], '--against', 'v0'));
  assert.is(unknown.message, '--against v0: git knows no such revision here');
});

test('what differs runs beside what it was, and only the shader of now is judged', async () => {
  double(folder, 'twice', { statement: 'y[i] = x[i] + x[i];' });
  const { code, lines } = await bench([kernel, same], '--against', 'HEAD', '--case', 'odd');
  const rows = lines
    .filter((line) => /^(twice|same) /.test(line))
    .map((line) => line.split(/\s+/).slice(0, 4));
  assert.equal(rows, [
    ['twice', 'odd', 'plain', 'WG=64'],
    ['twice', 'odd', 'plain@HEAD', 'WG=64'],
  ]);
  assert.ok(lines.some((line) => /^ {2}now \d+\.\d\d x as fast as then, in turns$/.test(line)));
  assert.is(code, 0);

  double(folder, 'twice', { statement: 'y[i] = 3.0 * x[i];' });
  const wrong = await bench([kernel], '--against', 'HEAD', '--case', 'odd');
  assert.ok(wrong.lines.includes('  no comparison: what is there now is not right'));
  assert.ok(wrong.lines.includes('1 row, 1 wrong'));
  assert.is(wrong.code, 1);

  // a revision that was wrong is no fault of the shader of now
  git('commit', '-a', '-m', 'wrong');
  double(folder, 'twice');
  const mended = await bench([kernel], '--against', 'HEAD', '--case', 'odd');
  assert.is(mended.code, 0);
  assert.ok(mended.lines.some((line) => /^twice +odd +plain@HEAD .* WRONG /.test(line)));
  assert.ok(mended.lines.includes("  HEAD: wrong with today's cases"));
  // the shaders of the first revision are those of now
  await rejectionOf(ConfigError, () => bench([kernel], '--against', 'HEAD~1'));
});

/** The rows of a kernel that has to be right and of its twin, and what is told of both. */
async function told(of: AnyKernel): Promise<string[]> {
  const { code, lines } = await bench([of], '--against', 'HEAD', '--case', 'odd');
  assert.is(code, 0, lines.join('\n'));
  return lines.filter((line) => /^(grown| {2}(now|HEAD)) ?/.test(line));
}

test('a revision without today’s constants, or one of its helpers, is still compared', async () => {
  const file = new URL('grown.wgsl', folder);
  const helper = new URL('grown_helper.wgsl', folder);
  const grown = double(folder, 'grown');
  git('add', 'grown.wgsl');
  git('commit', '-m', 'before it grew');
  const [, plain] = grown.variants;
  const text = readFileSync(file, 'utf8').replace('y[i] = 2.0 * x[i]', 'y[i] = twice(x[i])');
  writeFileSync(file, `const EVEN: bool = false;\n${text}`);
  writeFileSync(helper, 'fn twice(x: f32) -> f32 { return 2.0 * x; }\n');
  const now = { ...plain, helpers: [helper], constants: () => ({ EVEN: 1 }) };
  const [own, twin, verdict] = await told({ ...grown, variants: [now] });
  assert.not.match(own + twin, /FAILED|WRONG/);
  assert.match(verdict, /^ {2}now \d+\.\d\d x as fast as then, in turns$/);
});

test('a revision that does not run as a kernel of today is told in one line', async () => {
  const helper = new URL('grown_helper.wgsl', folder);
  // what was committed calls a helper of another name, that is no more
  double(folder, 'grown', { statement: 'y[i] = twofold(x[i]);' });
  git('commit', '-a', '-m', 'another helper');
  const grown = double(folder, 'grown');
  const [, plain] = grown.variants;
  const [own, twin, verdict] = await told({ ...grown, variants: [{ ...plain, helpers: [helper] }] });
  assert.not.match(own, /FAILED|WRONG/);
  assert.match(twin, / FAILED /);
  assert.is(verdict, '  HEAD: not comparable, it does not run as a kernel of today');
});

test.run();
