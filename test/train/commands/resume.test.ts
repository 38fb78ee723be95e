import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../engine/errors.ts';
import { HelpRequest } from '../../../engine/host/command.ts';
import { parseTrain } from '../../../train/commands/train.ts';
import { embeddedPreset, fullPreset } from '../../../train/config/presets.ts';
import { errorOf } from '../../support/error_of.ts';
import { machine } from './support.ts';

const test = suite('--resume');

const train = (line: string, around = machine([])) => parseTrain(line.split(' '), around);
const trainError = (line: string, around = machine([])) => errorOf(ConfigError, () => train(line, around));

test('--resume continues with the saved configuration, without its stop', () => {
  const saved = { ...embeddedPreset(), seed: 5 };
  saved.train = { ...saved.train, stopAt: 10 };
  const around = machine([], { 'runs/a': saved });
  const { config, workDir, resume, banner } = train('--resume --work-dir runs/a', around);
  assert.equal(config, { ...saved, train: { ...saved.train, stopAt: null } });
  assert.equal([workDir, resume], ['runs/a', true]);
  assert.match(banner!, 'EMBEDDED DEFAULT');
  const again = train(
    '--dataset voc20 --resume --work-dir runs/a --seed 5 --max-iters 380 --stop-at 20',
    around,
  );
  assert.is(again.config.train.stopAt, 20);
});

test('--resume refuses what would change the training', () => {
  const around = machine([], { 'runs/a': embeddedPreset() });
  const { message } = trainError('--resume --work-dir runs/a --set optim.lr=1', around);
  assert.is(message, '--resume: optim.lr cannot change: the run has 0.001, asked for 1');
  assert.match(trainError('--resume --work-dir runs/a --seed 3', around).message, 'seed cannot change');
  assert.match(
    trainError('--resume --work-dir runs/a --dataset coco171', around).message,
    'dataset cannot change',
  );
  const free = '--set train.logInterval=1 --set eval.overlays=2 --adapter x --set data.workers=3';
  const { config } = train(`--resume --work-dir runs/a ${free}`, around);
  assert.equal([config.train.logInterval, config.eval.overlays, config.data.workers], [1, 2, 3]);
});

test('--resume does not take class embeddings: those of the checkpoint are used', () => {
  const around = machine(['t.npy'], { 'runs/a': embeddedPreset() });
  assert.is(
    trainError('--resume --work-dir runs/a --text-embeddings t.npy', around).message,
    '--resume: data.textEmbeddings cannot change: the run has null, asked for "t.npy"',
  );
});

test('--resume alone takes the newest run of the data set, whatever its name', () => {
  const around = machine([], {
    'runs/2026-02-01-000000-voc20': embeddedPreset(),
    'runs/first': embeddedPreset(),
    'runs/2026-01-01-000000-coco171': fullPreset('coco171'),
    'runs/2026-03-01-000000-pretrain': null,
  });
  assert.is(train('--dataset voc20 --resume', around).workDir, 'runs/first');
  assert.is(train('--resume', around).workDir, 'runs/2026-01-01-000000-coco171');
  assert.is(
    trainError('--resume --dataset context59', around).message,
    '--resume: there is no run of context59 in runs/',
  );
  assert.match(trainError('--resume --work-dir none', around).message, 'none holds no run (no config.json)');
});

test('a saved configuration that cannot be read says what to do', () => {
  const { message, hint } = trainError('--resume --work-dir runs/a', machine([], { 'runs/a': null }));
  assert.is(message, 'runs/a/config.json: optim: missing');
  assert.match(hint, 'start anew in another --work-dir');
});

test('--help tells where the last run is looked for', () => {
  const { text } = errorOf(HelpRequest, () => train('--help'));
  assert.match(text.replaceAll(/\s+/g, ' '), 'without --work-dir, the run in runs/ that was started or');
});

test.run();
