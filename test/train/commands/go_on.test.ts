import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runScript, settingFlags, tinyModel } from '../../support/command.ts';
import { temporaryFolder } from '../data/support.ts';

/** `npm run train -- --resume` where the folder is not as the run left it. */
const test = suite('going on with a run');
const folder = join(temporaryFolder(), 'run');
const checkpoint = (name: string): string => join(folder, 'checkpoints', name);

const tiny = settingFlags([
  ...tinyModel,
  'data.embedded=true',
  'data.clip=null',
  'train.logInterval=1',
  'train.evalInterval=100',
  'train.checkpointInterval=2',
  'eval.maxImages=1',
  'eval.overlays=0',
]);
const resume = (...args: string[]) =>
  runScript('train/commands/train_main.ts', ['--resume', '--work-dir', folder, ...args]);
const loggedSteps = (): number[] =>
  readFileSync(join(folder, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).step);

test.before(async () => {
  const args = ['--dataset', 'voc20', '--work-dir', folder, '--max-iters', '6', '--stop-at', '4', ...tiny];
  const { code, output } = await runScript('train/commands/train_main.ts', args);
  assert.is(code, 0, output);
});

test('without the mark of the latest checkpoint it goes on from the newest, and says so', async () => {
  rmSync(checkpoint('latest'));
  const before = readFileSync(checkpoint('step-000004.safetensors'));
  const { code, output } = await resume('--stop-at', '5');
  assert.is(code, 0, output);
  assert.match(output, `latest is not there: taking step-000004.safetensors, the last by its name of 2`);
  assert.equal(loggedSteps(), [1, 2, 3, 4, 5]);
  assert.ok(readFileSync(checkpoint('step-000004.safetensors')).equals(before));
  assert.is(readFileSync(checkpoint('latest'), 'utf8'), 'step-000005.safetensors\n');
});

test('a damaged checkpoint is refused with the name of another, which can be gone on from', async () => {
  const newest = checkpoint('step-000005.safetensors');
  copyFileSync(newest, `${newest}.whole`);
  writeFileSync(newest, readFileSync(newest).subarray(0, 5000));
  const refused = await resume('--stop-at', '5');
  assert.is(refused.code, 1);
  assert.match(refused.output, `error: ${newest}: `);
  assert.match(refused.output, 'write its name, step-000004.safetensors, into');
  const report = await runScript('train/commands/report_main.ts', ['--work-dir', folder]);
  assert.is(report.code, 1);
  assert.match(report.output, 'write its name, step-000004.safetensors, into');
  writeFileSync(checkpoint('latest'), 'step-000004.safetensors');
  const { code, output } = await resume('--stop-at', '5');
  assert.is(code, 0, output);
  assert.equal(loggedSteps(), [1, 2, 3, 4, 5]);
  const tensors = (file: Buffer) => file.subarray(8 + Number(file.readBigUInt64LE(0)));
  const [whole, again] = [`${newest}.whole`, newest].map((file) => tensors(readFileSync(file)));
  assert.ok(whole.equals(again), 'the step is the same');
});

test('a run folder in the place of a checkpoint names one in it', async () => {
  const ends = await Promise.all([
    runScript('train/commands/eval_main.ts', ['--checkpoint', folder]),
    runScript('train/commands/train_main.ts', [
      ...['--dataset', 'voc20', '--start-from', folder, '--work-dir', `${folder}-2`],
      ...tiny,
    ]),
  ]);
  for (const { code, output } of ends) {
    assert.is(code, 1, output);
    assert.match(output, `error: ${folder}: is the folder of a run, wanted a file`);
    assert.match(output, checkpoint('step-000005.safetensors'));
  }
  assert.not.ok(existsSync(`${folder}-2`));
});

test('of two at once the second is refused; a process that was killed does not stand in the way', async () => {
  const args = ['--import', 'tsx', 'train/commands/train_main.ts', '--resume', '--work-dir', folder];
  const slow = spawn(process.execPath, args);
  const lock = join(folder, 'lock');
  while (!existsSync(lock)) await new Promise((done) => setTimeout(done, 20));
  // held still, so that it is there when the second comes
  slow.kill('SIGSTOP');
  const config = readFileSync(join(folder, 'config.json'), 'utf8');
  const { code, output } = await resume();
  assert.is(code, 1, output);
  assert.match(output, `error: --work-dir ${folder}: process ${slow.pid} on `);
  assert.match(output, `remove ${lock}`);
  assert.is(readFileSync(join(folder, 'config.json'), 'utf8'), config);
  slow.kill('SIGKILL');
  await once(slow, 'exit');
  assert.ok(existsSync(lock));
  const next = await resume();
  assert.is(next.code, 0, next.output);
  assert.not.ok(existsSync(lock));
  assert.equal(loggedSteps(), [1, 2, 3, 4, 5, 6, 6]);
});

test.run();
