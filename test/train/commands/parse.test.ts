import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../engine/errors.ts';
import { HelpRequest } from '../../../engine/host/command.ts';
import { parseTrain } from '../../../train/commands/train.ts';
import { embeddedPreset, embeddedRoot, fullPreset } from '../../../train/config/presets.ts';
import { errorOf } from '../../support/error_of.ts';
import { clip, machine, vocRoot } from './support.ts';

const test = suite('command lines');

const train = (line: string, around = machine([])) => parseTrain(line.split(' '), around);
const trainError = (line: string, around = machine([])) => errorOf(ConfigError, () => train(line, around));

test('--profile takes a number of steps or leaves it open', () => {
  assert.is(train('--dataset voc20').profile, null);
  assert.is(train('--dataset voc20 --profile').profile, 20);
  assert.is(train('--dataset voc20 --profile 3 --seed 1').profile, 3);
  const runs = machine([], { 'runs/a': embeddedPreset() });
  assert.is(train('--resume --work-dir runs/a --profile 5', runs).profile, 5);
  const error = errorOf(ConfigError, () => train('--dataset voc20 --profile 0'));
  assert.match(error.message, /'0' is no whole number >= 1/);
});

test('a fresh machine runs the embedded default and says so', () => {
  const { config, banner, workDir, resume } = train('--dataset voc20');
  assert.equal(config, embeddedPreset());
  assert.is(workDir, 'runs/2026-03-09-140507-voc20');
  assert.is(resume, false);
  assert.match(banner!, `EMBEDDED DEFAULT (neither ${vocRoot} nor ${clip} is there): NOT Pascal VOC`);
  assert.match(banner!, 'starts at random');
  assert.is(banner!.split('\n').length, 1);
});

test('data and weights in their default places are used', () => {
  const { config, banner } = train('--dataset voc20', machine([vocRoot, clip]));
  assert.equal(config, fullPreset('voc20'));
  assert.is(banner, null);
});

test('data and weights given by path are used', () => {
  const line = '--dataset context59 --data-root /d --clip /c.pt --text-embeddings /t.npy';
  const { config, banner } = train(line, machine(['/d', '/c.pt', '/t.npy']));
  assert.equal([config.data.root, config.data.clip, config.data.textEmbeddings], ['/d', '/c.pt', '/t.npy']);
  assert.is(config.data.embedded, false);
  assert.is(banner, null);
});

test('a path given and a default place complete each other', () => {
  const { config } = train('--dataset voc20 --data-root /d', machine(['/d', clip]));
  assert.equal([config.data.root, config.data.clip], ['/d', clip]);
});

test('a path given and missing is an error that names it', () => {
  for (const flag of ['--data-root', '--clip', '--text-embeddings', '--start-from']) {
    const { message } = trainError(`--dataset voc20 ${flag} /none`, machine([vocRoot, clip]));
    assert.is(message, `${flag} /none: there is no such file or folder`);
  }
  const { message } = trainError('--dataset voc20 --set data.root=/none');
  assert.is(message, '--set data.root=/none: there is no such file or folder');
});

test('only one of data and weights is an error that says what is missing', () => {
  assert.is(
    trainError('--dataset voc20', machine([vocRoot])).message,
    `the data set ${vocRoot} is there, CLIP's weights are not: no ${clip}`,
  );
  assert.is(
    trainError('--dataset voc20', machine([clip])).message,
    `CLIP's weights ${clip} are there, the data set is not: no ${vocRoot}`,
  );
  assert.match(
    trainError('--dataset voc20 --data-root /d', machine(['/d'])).message,
    'the data set /d is there',
  );
  assert.is(
    trainError('--dataset voc20 --set data.clip=null').message,
    `no data for voc20: no ${vocRoot} (data.clip is null: CLIP's weights are not wanted)`,
  );
});

test('only voc20 has an embedded default', () => {
  assert.match(
    trainError('--dataset coco171').message,
    'no data for coco171: neither data/coco_stuff164k nor',
  );
  const { message } = trainError('--dataset coco171 --set data.embedded=true');
  assert.is(message, 'the embedded miniature holds voc20 only, not coco171');
});

test('the embedded default can be asked for and forbidden', () => {
  const { config, banner } = train('--dataset voc20 --set data.embedded=true', machine([vocRoot, clip]));
  assert.is(config.data.root, embeddedRoot());
  assert.match(banner!, 'EMBEDDED DEFAULT (as asked for)');
  assert.match(trainError('--dataset voc20 --set data.embedded=false').message, 'no data for voc20');
});

test('embedded scenes have a folder for each size, and every size follows it', () => {
  const { config } = train('--dataset voc20 --set data.crop=64');
  assert.is(config.data.root, '.cache/embedded/64/VOCdevkit/VOC2012');
  const { crop, stride, shortSide } = config.eval;
  assert.equal([config.data.crop, config.data.scale, crop, stride, shortSide], [64, [64, 64], 64, 64, 64]);
  const own = train('--dataset voc20 --set data.crop=64 --set eval.stride=32').config;
  assert.is(own.eval.stride, 32);
});

test('embedded scenes are never drawn into a folder that is given', () => {
  const given = '--dataset voc20 --data-root /tmp/review';
  const around = machine(['/tmp/review', clip]);
  const error = trainError(`${given} --set data.embedded=true`, around);
  assert.is(
    error.message,
    `data.root is /tmp/review, but embedded scenes were asked for, and they are drawn into ${embeddedRoot()}`,
  );
  assert.match(error.hint, 'for data of your own leave data.embedded out');
  const runs = machine(['/tmp/review'], { 'runs/a': embeddedPreset() });
  assert.match(
    trainError('--resume --work-dir runs/a --data-root /tmp/review', runs).message,
    'data.root: /tmp/review with data.embedded',
  );
});

test('weights can be left out on purpose, which is said', () => {
  const { config, banner } = train('--dataset voc20 --set data.clip=null', machine([vocRoot]));
  assert.is(config.data.clip, null);
  assert.is(config.data.embedded, false);
  assert.match(banner!, 'NO CLIP WEIGHTS');
});

test('the precision is f32 unless f16 is asked for', () => {
  assert.is(train('--dataset voc20').config.engine.precision, 'f32');
  assert.is(train('--dataset voc20 --precision f16').config.engine.precision, 'f16');
  const { message } = trainError('--dataset voc20 --precision half');
  assert.match(message, '--precision half: engine.precision');
  assert.match(message, 'one of f32, f16');
});

test('flags set what they name', () => {
  const line = '--dataset voc20 --max-iters 30 --stop-at 10 --seed 7 --adapter llvmpipe --work-dir out/run';
  const { config, workDir } = train(line);
  assert.is(workDir, 'out/run');
  assert.equal([config.schedule.maxIters, config.train.stopAt, config.seed], [30, 10, 7]);
  assert.is(config.schedule.warmupIters, 6, 'the warm-up follows --max-iters');
  assert.is(config.adapter, 'llvmpipe');
});

test('the mode decides schedule and batch unless they are set', () => {
  const around = machine([vocRoot, clip]);
  const { config } = train('--dataset voc20 --mode transductive', around);
  assert.equal(config, fullPreset('voc20', { mode: 'transductive' }));
  const same = train('--dataset voc20 --set train.mode=transductive', around);
  assert.equal(same.config, config);
});

test('--set is repeatable and stronger than the other flags', () => {
  const { config } = train('--dataset voc20 --seed 1 --set seed=2 --set optim.lr=5e-4 --set train.batch=3');
  assert.equal([config.seed, config.optim.lr, config.train.batch], [2, 5e-4, 3]);
});

test('another batch keeps the images of a step, unless accumulation is set', () => {
  const around = machine([vocRoot, clip]);
  const passesOf = (line: string) => {
    const { batch, accumulation } = train(`--dataset voc20 ${line}`, around).config.train;
    return [batch, accumulation];
  };
  assert.equal(passesOf('--set train.batch=2'), [2, 8]);
  assert.equal(passesOf('--set train.batch=2 --mode transductive'), [2, 16]);
  assert.equal(passesOf('--set train.batch=2 --set train.accumulation=4'), [2, 4]);
  assert.equal(passesOf('--set train.batch=64'), [64, 1]);
  assert.equal(passesOf('--set train.batch=3'), [3, 5]);
});

test('the warm-up of a shorter run is shorter, and never longer than the run', () => {
  const around = machine([vocRoot, clip]);
  const warmup = (line: string) => train(`--dataset voc20 ${line}`, around).config.schedule.warmupIters;
  assert.is(warmup('--max-iters 100'), 8);
  assert.is(warmup('--max-iters 40000'), 1500);
  assert.is(warmup('--max-iters 100 --set schedule.warmupIters=100'), 100);
  assert.match(
    trainError('--dataset voc20 --max-iters 100 --set schedule.warmupIters=101', around).message,
    'schedule.warmupIters: 101 is more than schedule.maxIters 100',
  );
});

const wrong: [string, string][] = [
  ['--seed 1', '--dataset is missing'],
  [
    '--dataset voc21',
    '--dataset voc21: dataset: found the text "voc21", wanted one of voc20, context59, coco171',
  ],
  ['--dataset voc20 --seed x', '--seed x: seed: found the text "x", wanted a whole number >= 0'],
  ['--dataset voc20 --max-iters 0', '--max-iters 0: schedule.maxIters: found 0, wanted a whole number >= 1'],
  ['--dataset voc20 --stop-at 999', 'train.stopAt: 999 is more than schedule.maxIters 380'],
  ['--dataset voc20 --mode none', '--mode none: train.mode: found the text "none"'],
  ['--dataset voc20 --set optim.lrr=3', 'did you mean optim.lr?'],
  ['--dataset voc20 --max-iters', "option '--max-iters <N>' argument missing"],
  ['--dataset voc20 extra', "'extra' belongs to no flag"],
];
for (const [line, message] of wrong) {
  test(`rejected: ${line}`, () =>
    assert.ok(trainError(line).message.includes(message), trainError(line).message));
}

test('an empty path, as an unset shell variable leaves it, is rejected', () => {
  const argv = ['--dataset', 'voc20', '--work-dir', ''];
  const { message } = errorOf(ConfigError, () => parseTrain(argv, machine([])));
  assert.match(message, "option '--work-dir <DIR>' argument '' is invalid. It is empty.");
});

test('an unknown flag is rejected with the nearest one', () => {
  const { message, hint } = trainError('--datset voc20');
  assert.is(message, "unknown option '--datset'");
  assert.match(hint, 'Did you mean --dataset?');
});

test('--help lists flags, examples and every setting', () => {
  const { text } = errorOf(HelpRequest, () => train('--help'));
  for (const part of [
    '--work-dir <DIR>',
    '--stop-at <N>',
    'Examples:',
    'model.decoder.hiddenMultiple',
    'eval.stride',
  ]) {
    assert.ok(text.includes(part), part);
  }
});

test.run();
