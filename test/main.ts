import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { ensureAdapter } from '../engine/doctor/ensure.ts';
import { ConfigError } from '../engine/errors.ts';
import { parseArguments, positiveInteger, runCommand } from '../engine/host/command.ts';
import { judge, killAll, runTask, type Task } from './project/runner.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHECKS: Task[] = [
  { name: 'typecheck', kind: 'check', args: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  { name: 'lint', kind: 'check', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'] },
];

const command = new Command('npm test --')
  .description('Type-check, lint and every test/**/*.test.ts, each in a process of its own.')
  .argument('[filter...]', 'run only what has one of these in its name, such as kernels or typecheck')
  .option(
    '--adapter <name>',
    'part of an adapter name, such as lavapipe or swiftshader (also CASCADE_ADAPTER)',
  )
  .option('--jobs <n>', 'how many run at the same time', positiveInteger, Math.min(2, availableParallelism()))
  .option('--seed <n>', 'draw the examples of property tests from another seed', positiveInteger, 1)
  .option('--timeout <seconds>', 'time limit of each', positiveInteger, 600);

interface Options {
  adapter?: string;
  jobs: number;
  seed: number;
  timeout: number;
}

await runCommand(async (argv) => {
  const options = parseArguments(command, argv).opts<Options>();
  if (options.adapter) process.env.CASCADE_ADAPTER = options.adapter;
  process.env.PROPERTY_SEED = String(options.seed);
  const tasks = select([...CHECKS, ...(await testFiles())], command.args);
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
    process.on(signal, () => {
      killAll();
      process.exit(code);
    });
  }
  await ensureAdapter();

  const start = performance.now();
  const totals = { passed: 0, failed: 0 };
  const broken: string[] = [];
  const queue = tasks.values();
  const worker = async (): Promise<void> => {
    for (const task of queue) {
      const verdict = await runAndReport(task, options.timeout);
      totals.passed += verdict.passed;
      totals.failed += verdict.failed;
      if (verdict.failed > 0) broken.push(task.name);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, worker));
  if (broken.length > 0) console.log(`\nFailed: ${broken.sort().join(', ')}`);
  console.log(`\n${tasks.length} files and checks in ${seconds(start)}`);
  console.log(`${totals.passed} passed, ${totals.failed} failed`);
  return totals.failed === 0 ? 0 : 1;
});

async function runAndReport(task: Task, limit: number): Promise<{ passed: number; failed: number }> {
  const start = performance.now();
  const outcome = await runTask(task, ROOT, limit);
  const verdict = judge(task.kind, outcome);
  const failed = verdict.failed > 0;
  const counts = failed ? `${verdict.passed} passed, ${verdict.failed} failed` : `${verdict.passed} passed`;
  const problem = verdict.problem && ` (${verdict.problem})`;
  console.log(
    `${failed ? 'FAIL' : 'ok  '}  ${task.name.padEnd(42)} ${seconds(start).padStart(7)}  ${counts}${problem}`,
  );
  if (failed) console.log(`\n${outcome.output.trimEnd()}\n`);
  return verdict;
}

async function testFiles(): Promise<Task[]> {
  const names = await readdir(new URL('.', import.meta.url), { recursive: true });
  const files = names
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => name.replaceAll('\\', '/'))
    .sort();
  const before = ['--import', 'tsx', '--import', './test/project/property_seed.ts'];
  return files.map((name) => ({ name, kind: 'file', args: [...before, `test/${name}`] }));
}

function select(tasks: Task[], filters: readonly string[]): Task[] {
  if (filters.length === 0) return tasks;
  const chosen = tasks.filter((task) => filters.some((filter) => task.name.includes(filter)));
  if (chosen.length > 0) return chosen;
  throw new ConfigError(
    `no test is called like '${filters.join("' or '")}'`,
    `There are ${tasks.map((task) => task.name.replace('.test.ts', '')).join(', ')}.`,
  );
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}
