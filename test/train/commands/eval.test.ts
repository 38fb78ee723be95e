import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError } from '../../../engine/errors.ts';
import { HelpRequest } from '../../../engine/host/command.ts';
import { checkOutputFile } from '../../../engine/host/output_file.ts';
import { parseEval } from '../../../train/commands/eval.ts';
import type { Surroundings } from '../../../train/commands/surroundings.ts';
import type { RunConfig } from '../../../train/config/config.ts';
import { embeddedPreset, fullPreset } from '../../../train/config/presets.ts';
import { resolveEval } from '../../../train/evaluation/resolve.ts';
import { errorOf } from '../../support/error_of.ts';
import { temporaryFolder } from '../data/support.ts';
import { clip, machine, vocRoot, withPrompts } from './support.ts';

const test = suite('command line of eval');

const evaluate = (line: string, saved: RunConfig | null, around: Surroundings, prompts?: number) =>
  resolveEval(
    parseEval(line.split(' '), around),
    { config: saved, tensors: withPrompts(prompts) },
    around.exists,
  );

test('an evaluation takes model and data from the checkpoint', () => {
  const around = machine(['c.safetensors']);
  const request = parseEval('--checkpoint c.safetensors --show-dir out --json m.json'.split(' '), around);
  assert.equal([request.checkpoint, request.showDir, request.json], ['c.safetensors', 'out', 'm.json']);
  const saved = embeddedPreset({ maxIters: 10 });
  const { config, banner } = evaluate(
    '--checkpoint c.safetensors --dataset voc20 --split train',
    saved,
    around,
  );
  assert.equal(config, { ...saved, data: { ...saved.data, valSplit: 'train' } });
  assert.match(banner!, 'EMBEDDED DEFAULT (as the run): NOT Pascal VOC');
});

test('an evaluation on another data set keeps the model of the checkpoint', () => {
  const around = machine(['c', '/context', clip]);
  const saved = fullPreset('voc20');
  const { config, banner } = evaluate(
    '--checkpoint c --dataset context59 --data-root /context',
    saved,
    around,
  );
  assert.is(config.dataset, 'context59');
  assert.is(config.data.root, '/context');
  assert.equal(config.model, saved.model);
  assert.is(banner, 'ACROSS DATA SETS: trained on voc20, evaluated on context59');
});

test('seen classes are penalised in inductive mode, on the data set of the training alone', () => {
  const around = machine(['c', '/context', '/voc', clip]);
  const penalty = (line: string, saved: RunConfig | null, prompts?: number) =>
    evaluate(`--checkpoint c ${line}`.trim(), saved, around, prompts).config.eval.seenPenalty;
  const saved = fullPreset('voc20');
  assert.is(penalty('', saved), 0.1);
  assert.is(penalty('--dataset context59 --data-root /context', saved), 0);
  assert.is(penalty('--dataset context59 --data-root /context --set eval.seenPenalty=0.2', saved), 0.2);
  assert.is(penalty('--dataset voc20 --data-root /voc', null, 10), 0.1);
  assert.is(penalty('--dataset voc20 --data-root /voc --mode transductive', null, 10), 0);
  assert.is(penalty('--dataset context59 --data-root /context', null, 10), 0);
});

test('the prompts of bare weights tell how many the model has, and of which benchmark', () => {
  const around = machine(['c', '/voc', clip]);
  const line = '--checkpoint c --dataset voc20 --data-root /voc';
  const other = evaluate(line, null, around, 35);
  assert.is(other.config.model.prompts.count, 35);
  assert.is(other.banner, 'ACROSS DATA SETS: trained on context59, evaluated on voc20');
  const small = evaluate(line, null, around, 2);
  assert.equal(
    [small.config.model.prompts.count, small.banner, small.config.eval.seenPenalty],
    [2, null, 0.1],
  );
  const set = evaluate(`${line} --set model.prompts.count=3`, null, around, 35);
  assert.equal([set.config.model.prompts.count, set.banner], [3, null]);
});

test('--mode tells how bare weights were trained; against a configuration it is an error', () => {
  const around = machine(['c', '/voc', clip]);
  const bare = evaluate('--checkpoint c --dataset voc20 --data-root /voc --mode supervised', null, around);
  assert.is(bare.config.train.mode, 'supervised');
  const saved = fullPreset('voc20', { mode: 'transductive' });
  const same = evaluate('--checkpoint c --mode transductive', saved, around);
  assert.is(same.config.train.mode, 'transductive');
  for (const [flag, line] of [
    ['--mode inductive', '--checkpoint c'],
    ['--set train.mode=inductive', '--checkpoint c --dataset context59'],
  ]) {
    const { message } = errorOf(ConfigError, () => evaluate(`${line} ${flag}`, saved, around));
    assert.is(message, `${flag}: c was trained in mode transductive, as the configuration in it tells`);
  }
});

test('a checkpoint without configuration needs a data set', () => {
  const around = machine(['c', '/voc', 't.npy']);
  const { message } = errorOf(ConfigError, () => evaluate('--checkpoint c', null, around));
  assert.is(message, 'c does not tell its data set');
  const line = '--checkpoint c --dataset voc20 --data-root /voc --text-embeddings t.npy';
  assert.equal(evaluate(line, null, around).config.model, fullPreset('voc20').model);
});

test('an evaluation uses the embeddings of the checkpoint unless others are given', () => {
  const around = machine(['c', 't.npy', '/clip', '/moved']);
  const preset = fullPreset('voc20');
  const saved = { ...preset, data: { ...preset.data, textEmbeddings: '/gone.npy' } };
  const own = evaluate('--checkpoint c', saved, around);
  assert.equal([own.carried, own.config.data.textEmbeddings], [true, null]);
  const given = evaluate('--checkpoint c --text-embeddings t.npy', saved, around);
  assert.equal([given.carried, given.config.data.textEmbeddings], [false, 't.npy']);
  const tower = evaluate('--checkpoint c --clip /clip', saved, around);
  assert.equal([tower.carried, tower.config.data.textEmbeddings], [false, null]);
});

test('an evaluation reads embedded data that were moved where they lie, without the banner', () => {
  const around = machine(['c', '/moved']);
  const { config, banner } = evaluate('--checkpoint c --data-root /moved', embeddedPreset(), around);
  assert.equal([config.data.root, config.data.embedded, banner], ['/moved', false, null]);
  const off = evaluate('--checkpoint c --set data.embedded=false', embeddedPreset(), around);
  assert.is(off.banner, null);
});

test('bare weights are never taken for the embedded miniature', () => {
  const { message } = errorOf(ConfigError, () =>
    evaluate('--checkpoint c --dataset voc20', null, machine(['c'])),
  );
  assert.is(message, `no data for voc20: neither ${vocRoot} nor ${clip} is there`);
  const { config, carried } = evaluate('--checkpoint c --dataset voc20', null, machine(['c', vocRoot, clip]));
  assert.equal([config, carried], [fullPreset('voc20'), false]);
});

test('an evaluation without a checkpoint is an error', () => {
  const error = (line: string) => errorOf(ConfigError, () => parseEval(line.split(' '), machine([])));
  assert.is(error('--dataset voc20').message, '--checkpoint is missing');
  assert.is(error('--checkpoint none').message, '--checkpoint none: there is no such file');
});

test('settings that only training reads are refused, with those that can be set', () => {
  const parse = (setting: string) => parseEval(['--checkpoint', 'c', '--set', setting], machine(['c', 'x']));
  for (const setting of [
    'optim.lr=3',
    'loss.gamma=1',
    'schedule.maxIters=5',
    'train.stopAt=2',
    'train.startFrom=x',
    'train.batch=2',
  ]) {
    const { message, hint } = errorOf(ConfigError, () => parse(setting));
    const [path] = setting.split('=');
    assert.is(message, `--set ${setting}: ${path} has no effect here, only training reads it`);
    assert.match(
      hint,
      'What can be set: dataset, seed, adapter, engine.*, data.*, model.*, train.mode, eval.*',
    );
  }
  for (const setting of ['train.mode=inductive', 'eval.maxImages=2', 'data.workers=0']) {
    assert.is(parse(setting).overrides.length, 1);
  }
});

test('--json with a folder: the hint asks for the name of a file', () => {
  const folder = temporaryFolder();
  const { message, hint } = errorOf(DataError, () => checkOutputFile(folder, '--json'));
  assert.is(message, `${folder}: is a folder, wanted a file`);
  assert.is(hint, 'Give --json the name of a file, such as one in it.');
  const below = errorOf(DataError, () => checkOutputFile(join(folder, 'none', 'm.json'), '--json'));
  assert.is(below.hint, 'Make the folder first, or give --json another file.');
  assert.is(errorOf(DataError, () => checkOutputFile(folder, null)).hint, 'Move that folder away.');
});

test('--help names the flags of an evaluation', () => {
  const { text } = errorOf(HelpRequest, () => parseEval(['--help'], machine([])));
  assert.match(text, '--show-dir <DIR>');
  assert.match(text, 'eval.stride');
  assert.not.match(text, 'optim.lr');
});

test.run();
