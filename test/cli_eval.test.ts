import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HelpRequest } from '../engine/command.ts';
import { ConfigError } from '../engine/errors.ts';
import type { Surroundings } from '../train/commands/cli.ts';
import { parseEval, resolveEval } from '../train/commands/cli_eval.ts';
import type { RunConfig } from '../train/config/config.ts';
import { embeddedPreset, fullPreset } from '../train/config/presets.ts';
import { clip, machine, vocRoot } from './cli_support.ts';
import { errorOf } from './error_of.ts';

const test = suite('command line of eval');

const evaluate = (line: string, saved: RunConfig | null, around: Surroundings) =>
  resolveEval(parseEval(line.split(' '), around), saved, around);

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
  assert.is(banner, null);
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

test('--help names the flags of an evaluation', () => {
  assert.match(errorOf(HelpRequest, () => parseEval(['--help'], machine([]))).text, '--show-dir <DIR>');
});

test.run();
