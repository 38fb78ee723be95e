import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { projectPath } from '../support/paths.ts';
import { judge, parseSummary, runTask, type Verdict } from './runner.ts';

const test = suite('test runner');
const ROOT = projectPath();

/** Runs a test file of the given body, which has `test` and `assert`, and judges it. */
async function run(body: string, limitSeconds = 30): Promise<Verdict & { output: string }> {
  // inside the project, where `uvu` is found
  const folder = await mkdtemp(join(ROOT, 'node_modules', '.runner-test-'));
  try {
    const file = join(folder, 'a.mjs');
    const head =
      "import { suite } from 'uvu'; import * as assert from 'uvu/assert'; const test = suite('inner');\n";
    await writeFile(file, `${head}${body.replaceAll('FOLDER', folder)}`);
    const outcome = await runTask({ name: 'a', kind: 'file', args: [file] }, ROOT, limitSeconds);
    return { ...judge('file', outcome), output: outcome.output };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const GOOD = "test('good', () => {});\n";

test('passing and failing tests are counted', async () => {
  const good = await run(`${GOOD}${GOOD}test.run();`);
  assert.equal([good.passed, good.failed, good.problem], [2, 0, '']);
  const bad = await run(`${GOOD}test('bad', () => assert.is(1, 2));\ntest.run();`);
  assert.equal([bad.passed, bad.failed, bad.problem], [1, 1, '']);
  assert.match(bad.output, /FAIL.*inner.*"bad"/);
});

test('two suites in one file are counted together', async () => {
  const both = await run(
    `${GOOD}test.run();\nconst more = suite('more');\nmore('x', () => {});\nmore.run();`,
  );
  assert.equal([both.passed, both.failed], [2, 0]);
});

test('a file that crashes, runs nothing or never runs has failed', async () => {
  const crash = await run("throw new Error('early');");
  assert.equal([crash.passed, crash.failed], [0, 1]);
  assert.match(crash.problem, /exit code 1 before uvu's summary/);
  assert.match(crash.output, /early/);
  const forgotten = await run(GOOD);
  assert.equal([forgotten.passed, forgotten.failed], [0, 1]);
  const none = await run('test.run();');
  assert.equal([none.passed, none.failed, none.problem], [0, 1, 'reports no tests']);
  const quits = await run(`${GOOD}test('quits', () => process.exit(0));\ntest.run();`);
  assert.is(quits.failed, 1);
});

test('a crash after the last test, or a signal, has failed', async () => {
  const late = await run(`${GOOD}test.run();\nprocess.on('exit', () => { process.exitCode = 3; });`);
  assert.equal([late.passed, late.failed, late.problem], [1, 1, 'ended with exit code 3']);
  const killed = await run(
    `${GOOD}test.run();\nsetTimeout(() => process.kill(process.pid, 'SIGSEGV'), 300);`,
  );
  assert.equal([killed.passed, killed.failed, killed.problem], [1, 1, 'ended with a signal']);
});

test('skipped and singled-out tests count as failed', async () => {
  const skipped = await run(`${GOOD}test.${'skip'}('later', () => {});\ntest.run();`);
  assert.equal([skipped.passed, skipped.failed, skipped.problem], [1, 1, '1 skipped']);
  const only = await run(`${GOOD}${GOOD}test.${'only'}('me', () => {});\ntest.run();`);
  assert.equal([only.passed, only.failed, only.problem], [1, 2, '2 skipped']);
});

test('a hook that throws has failed, though uvu ends with 0', async () => {
  const hook = await run(`test.before(() => { throw new Error('no device'); });\n${GOOD}${GOOD}test.run();`);
  assert.equal([hook.passed, hook.failed], [0, 2]);
  assert.match(hook.problem, /a hook threw/);
});

test('a file that hangs is ended with its children', async () => {
  const body = `import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
const child = spawn('sleep', ['60']);
console.log('child', child.pid);
${GOOD}test.run();
setInterval(() => {}, 1000);`;
  const start = performance.now();
  const hang = await run(body, 2);
  assert.ok(performance.now() - start < 15_000);
  assert.equal([hang.passed, hang.failed, hang.problem], [1, 1, 'ran out of time']);
  const pid = Number(/child (\d+)/.exec(hang.output)?.[1]);
  assert.ok(pid > 0);
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone');
  assert.ok(/^gone$|\) Z /.test(state), `the child still runs: ${state}`);
});

test('a check passes by its exit code', () => {
  assert.equal(judge('check', { code: 0, timedOut: false, output: '' }), {
    passed: 1,
    failed: 0,
    problem: '',
  });
  assert.equal(judge('check', { code: 2, timedOut: false, output: '' }).failed, 1);
  assert.equal(judge('check', { code: 0, timedOut: true, output: '' }).problem, 'ran out of time');
});

test('the last summary counts, colours or not', () => {
  const summary = (passed: number): string =>
    `\n  Total:     3\u001b[32m\n  Passed:    ${passed}\u001b[39m\n  Skipped:   0\n  Duration:  1.00ms\n`;
  assert.equal(parseSummary(summary(1) + summary(3)), { total: 3, passed: 3, skipped: 0 });
  assert.is(parseSummary('Total: many'), null);
});

test.run();
