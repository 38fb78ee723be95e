import { spawn } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Report } from '../../../engine/doctor/diagnose.ts';
import { projectPath } from '../../support/paths.ts';

const test = suite('doctor command');
const ROOT = projectPath();

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function doctor(flags: string[], environment: Record<string, string> = {}): Promise<Ended> {
  const { CASCADE_ADAPTER: _, ...inherited } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', 'engine/doctor/main.ts', ...flags], {
    cwd: ROOT,
    env: { ...inherited, ...environment },
  });
  const ended = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ended.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (ended.stderr += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...ended })));
}

test('a machine with an adapter: table, exit code 0', async () => {
  const { code, stdout } = await doctor([]);
  assert.is(code, 0, stdout);
  assert.match(
    stdout,
    new RegExp(`^Node +${process.versions.node.replaceAll('.', '\\.')} \\(wanted >=20`, 'm'),
  );
  assert.match(stdout, /^Compute check +right \(\d+ ms\)$/m);
  assert.match(stdout, /^Packages +.*\bcommander \d/m);
  assert.match(stdout, /All is well\.\n$/);
  const columns = stdout
    .split('\n')
    .flatMap((line) => /^\S+(?: \w+)? {2,}(?=\S)/.exec(line)?.[0].length ?? []);
  assert.ok(columns.length > 15);
  assert.is(new Set(columns).size, 1, 'the table is not aligned');
  for (const line of stdout.split('\n')) assert.ok(line.length <= 110, line);
});

test('--json gives the same as data', async () => {
  const { code, stdout } = await doctor(['--json']);
  assert.is(code, 0);
  const report = JSON.parse(stdout) as Report;
  assert.equal([report.ok, report.problems, report.compute?.ok], [true, [], true]);
  assert.ok(report.adapter?.features.includes('core-features-and-limits'));
  assert.ok((report.adapter?.limits.maxStorageBuffersPerShaderStage ?? 0) >= 8);
  assert.ok(report.adapters.some(({ name }) => name === report.adapter?.device));
  assert.ok(report.system.memoryGiB > 0 && report.system.cores > 0);
});

test('a name that nothing carries: exit code 1 and the list, by option or by variable', async () => {
  for (const ended of [
    await doctor(['--adapter', 'nonesuch']),
    await doctor([], { CASCADE_ADAPTER: 'nonesuch' }),
  ]) {
    assert.is(ended.code, 1);
    assert.match(ended.stdout, /^Problem: no adapter matches 'nonesuch'; there is '/m);
    assert.not.match(ended.stdout + ended.stderr, /\n +at .*\.ts/);
  }
});

// macOS and Windows need no Vulkan
if (process.platform === 'linux') {
  test('hidden drivers: exit code 1 and the variable by name', async () => {
    const { code, stdout } = await doctor([], { VK_DRIVER_FILES: '/nonexistent' });
    assert.is(code, 1);
    assert.match(stdout, /^Adapters +none$/m);
    assert.match(stdout, /^Problem: no WebGPU adapter was found, and VK_DRIVER_FILES=\/nonexistent hides/m);
    assert.match(stdout, /^Unset the variable/m);
  });
}

test('--help and a wrong flag', async () => {
  const help = await doctor(['--help']);
  assert.is(help.code, 0);
  for (const flag of ['--adapter <name>', '--json', '--no-install'])
    assert.ok(help.stdout.includes(flag), flag);
  const wrong = await doctor(['--adaptor', 'x']);
  assert.is(wrong.code, 1);
  assert.match(wrong.stderr, /unknown option '--adaptor'/);
});

test.run();
