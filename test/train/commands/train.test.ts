import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ended, runScript, settingFlags, tinyModel, tinySteps } from '../../support/command.ts';

/** The commands as a user runs them, each in a process of its own, on a tiny model over the embedded scenes. */
const test = suite('train and eval commands');
const folder = mkdtempSync(join(tmpdir(), 'cascade-cli-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const tiny = settingFlags([
  ...tinyModel,
  ...tinySteps,
  // the committed miniature has another width
  'data.embedded=true',
  'data.clip=null',
  'train.logInterval=1',
  'train.evalInterval=100',
  'train.checkpointInterval=2',
  'eval.maxImages=3',
  'eval.overlays=2',
]);

const train = (name: string, ...args: string[]): Promise<Ended> =>
  runScript('train/commands/train_main.ts', [
    '--dataset',
    'voc20',
    '--work-dir',
    join(folder, name),
    '--max-iters',
    '6',
    ...tiny,
    ...args,
  ]);
const read = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8');
const bytes = (...path: string[]): Buffer => readFileSync(join(folder, ...path));

test('a run goes to the end and leaves config, log, metrics, checkpoints, pictures and a profile', async () => {
  const { code, output } = await train('whole', '--profile', '1');
  assert.is(code, 0, output);
  assert.match(output, /EMBEDDED DEFAULT/);
  assert.match(output, /hIoU/);
  assert.match(
    output,
    'batch 2 x accumulation 1 = 2 images a step; 6 steps, warm-up 1; 1500 images to train on, 3 to evaluate on',
  );
  const evaluation = JSON.parse(read('whole', 'eval.json'));
  assert.type(evaluation.seen, 'number');
  assert.is(evaluation.classes.length, 20);
  assert.is(evaluation.withBackground.classes.length, 21);
  const steps = read('whole', 'log.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).step);
  assert.equal(steps.slice(0, 6), [1, 2, 3, 4, 5, 6]);
  assert.is(readdirSync(join(folder, 'whole', 'overlays')).length, 2);
  assert.is(JSON.parse(read('whole', 'config.json')).model.vision.width, 32);
  assert.match(output, /a step takes .* GPU at work/);
  const profile = JSON.parse(read('whole', 'profile.json'));
  assert.equal(profile.steps, [5, 5]);
  assert.ok(profile.kernels.some(({ kernel }: { kernel: string }) => kernel === 'layernorm.forward'));
  assert.match(read('whole', 'profile.txt'), /matmul\.nt .*%/);
  const { traceEvents } = JSON.parse(read('whole', 'profile_trace.json'));
  assert.ok(traceEvents.length > profile.dispatches);
});

const evaluated = (name: string): unknown[] =>
  read(name, 'log.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter((record) => 'eval' in record);

test('the last evaluation makes the best checkpoint; a finished run that is resumed logs it once', async () => {
  assert.ok(bytes('whole', 'checkpoints', 'best.safetensors').length > 0);
  const before = evaluated('whole');
  assert.is(before.length, 1);
  const { code, output } = await runScript('train/commands/train_main.ts', [
    '--resume',
    '--work-dir',
    join(folder, 'whole'),
  ]);
  assert.is(code, 0, output);
  assert.equal(evaluated('whole'), before);
});

test('weights that do not fit leave no run folder in the way of the next try', async () => {
  const weights = join(folder, 'weights.safetensors');
  writeFileSync(weights, 'no tensors');
  const { code, output } = await train('spoilt', '--set', `data.clip=${weights}`);
  assert.is(code, 1, output);
  assert.match(output, weights);
  assert.not.ok(existsSync(join(folder, 'spoilt')));
});

test('--stop-at and --resume give the same bytes as one run', async () => {
  const stopped = await train('parts', '--stop-at', '3');
  assert.is(stopped.code, 0, stopped.output);
  assert.match(stopped.output, /after step 3; continue with: .*--resume/);
  const resumed = await runScript('train/commands/train_main.ts', [
    '--resume',
    '--work-dir',
    join(folder, 'parts'),
  ]);
  assert.is(resumed.code, 0, resumed.output);
  const file = ['checkpoints', 'step-000006.safetensors'];
  const [whole, parts] = [bytes('whole', ...file), bytes('parts', ...file)];
  assert.ok(tensorsOf(whole).equals(tensorsOf(parts)), 'the checkpoints differ');
});

/** What follows the header, which also holds the configuration with its folder. */
function tensorsOf(file: Buffer): Buffer {
  return file.subarray(8 + Number(file.readBigUInt64LE(0)));
}

test('an interruption saves and exits with 130', async () => {
  const { code, output } = await runScript(
    'train/commands/train_main.ts',
    ['--dataset', 'voc20', '--work-dir', join(folder, 'cut'), '--max-iters', '400', ...tiny],
    /step +3\/400/,
  );
  assert.is(code, 130, output);
  assert.match(output, /Interrupted.*\n?.*Stopped after step \d+/s);
  assert.ok(existsSync(join(folder, 'cut', 'checkpoints', 'latest')));
  assert.not.ok(existsSync(join(folder, 'cut', 'lock')), 'the folder is free again');
});

test('eval repeats the evaluation of the run and writes pictures', async () => {
  const checkpoint = join(folder, 'whole', 'checkpoints', 'step-000006.safetensors');
  const pictures = join(folder, 'pictures');
  const json = join(folder, 'again.json');
  const { code, output } = await runScript('train/commands/eval_main.ts', [
    ...['--checkpoint', checkpoint, '--dataset', 'voc20', '--show-dir', pictures, '--json', json],
  ]);
  assert.is(code, 0, output);
  assert.is(readdirSync(pictures).length, 3);
  const [before, again] = [JSON.parse(read('whole', 'eval.json')), JSON.parse(readFileSync(json, 'utf8'))];
  assert.equal(again.classes, before.classes);
});

test('a loss that is not finite ends the run, tells where, and the last good checkpoint stays', async () => {
  const { code, output } = await train(
    'exploded',
    '--set',
    'optim.lr=1e30',
    '--set',
    'schedule.warmupIters=3',
  );
  assert.is(code, 1, output);
  assert.not.ok(existsSync(join(folder, 'exploded', 'lock')), 'the folder is free again');
  assert.match(output, /step \d+: the loss is not finite; first non-finite tensor: \S+.*; images: \S+, \S+/);
  assert.not.match(output, /\n {4}at /);
});

test("users' mistakes end with 1, a clear message and no stack", async () => {
  const damaged = join(folder, 'damaged.safetensors');
  writeFileSync(damaged, bytes('whole', 'checkpoints', 'step-000006.safetensors').subarray(0, 5000));
  const cases: [string, string[], RegExp][] = [
    ['train/commands/train_main.ts', ['--dataset', 'voc21'], /voc21.*voc20, context59/s],
    [
      'train/commands/train_main.ts',
      ['--dataset', 'voc20', '--set', 'optim.lrr=1'],
      /optim\.lrr.*optim\.lr/s,
    ],
    ['train/commands/train_main.ts', ['--dataset', 'voc20', '--data-root', '/no/where'], /\/no\/where/],
    [
      'train/commands/train_main.ts',
      ['--dataset', 'voc20', '--work-dir', join(folder, 'whole'), ...tiny],
      /--resume/,
    ],
    [
      'train/commands/train_main.ts',
      ['--dataset', 'voc20', '--adapter', 'no-such-gpu', ...tiny],
      /no-such-gpu/,
    ],
    ['train/commands/eval_main.ts', ['--checkpoint', '/no/file', '--dataset', 'voc20'], /\/no\/file/],
    ['train/commands/eval_main.ts', ['--checkpoint', damaged, '--dataset', 'voc20'], /damaged\.safetensors/],
  ];
  const ends = await Promise.all(cases.map(([script, args]) => runScript(script, args)));
  ends.forEach(({ code, output }, i) => {
    assert.is(code, 1, output);
    assert.match(output, cases[i][2]);
    assert.not.match(output, /\n {4}at /);
  });
});

test.run();
