import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError } from '../../../engine/errors.ts';
import { HelpRequest } from '../../../engine/host/command.ts';
import { vocabularyOf } from '../../../model/tokenizer/compact_vocabulary.ts';
import { parsePredict } from '../../../train/commands/predict.ts';
import type { RunConfig } from '../../../train/config/config.ts';
import { embeddedClip, embeddedPreset, fullPreset } from '../../../train/config/presets.ts';
import { vocColourMap } from '../../../train/data/datasets/colour_map.ts';
import { datasetInfo } from '../../../train/data/datasets/info.ts';
import { requireKnownWords } from '../../../train/embedded/known_words.ts';
import { namesInFile, namesInList } from '../../../train/predict/class_names.ts';
import { namePenalties } from '../../../train/predict/embeddings.ts';
import { resolvePredict } from '../../../train/predict/resolve.ts';
import { foundLine } from '../../../train/predict/results.ts';
import { fitted } from '../../../train/predict/segment.ts';
import { errorOf } from '../../support/error_of.ts';
import { machine, withPrompts } from '../commands/support.ts';
import { temporaryFolder } from '../data/support.ts';

/** What `npm run predict` reads, decides and says, without a GPU. */
const test = suite('prediction, part by part');

const parse = (args: string[], around = machine(['c', '/clip.pt'])) =>
  parsePredict(['--checkpoint', 'c', '--images', 'p', ...args], around);
const refusal = (...args: string[]) => errorOf(ConfigError, () => parse(args)).message;

test('class names: trimmed, one space between words, as they are otherwise', () => {
  assert.equal(namesInList(' cat, traffic   light ,Größe,猫'), ['cat', 'traffic light', 'Größe', '猫']);
  assert.equal(namesInFile('\uFEFF# animals\r\ncat\r\n\r\n dog \n#none', 'f'), ['cat', 'dog']);
});

test('class names: empty, repeated, none and too many are refused', () => {
  const said = (list: string) => errorOf(ConfigError, () => namesInList(list)).message;
  assert.is(said('cat,,dog'), '--classes "cat,,dog": name 2 is empty');
  assert.is(said('  '), '--classes "  ": names no class');
  assert.is(said('cat,dog, CAT'), `--classes "cat,dog, CAT": names 1 and 3 are both 'CAT'`);
  assert.is(
    errorOf(ConfigError, () => namesInFile('# a\n', 'n.txt')).message,
    '--classes-file n.txt: names no class',
  );
  const many = Array.from({ length: 256 }, (_, i) => `c${i}`);
  assert.is(namesInFile(many.slice(1).join('\n'), 'f').length, 255);
  assert.match(errorOf(ConfigError, () => namesInFile(many.join('\n'), 'f')).message, '256 names');
});

test('the command line: what it asks for', () => {
  const request = parse(['d', '--classes', 'cat,dog', '--background', '--out', 'o', '--clip', '/clip.pt']);
  assert.equal([request.checkpoint, request.images, request.names], ['c', ['p', 'd'], ['cat', 'dog']]);
  assert.equal([request.out, request.background], ['o', true]);
  assert.equal([parse([]).names, parse([]).out, parse([]).background], [null, 'predictions', false]);
  assert.is(parse(['--background', '0.25', '--classes', 'sky']).background, 0.25);
  assert.match(errorOf(HelpRequest, () => parse(['--help'])).text, '--classes-file <FILE>');
});

test('the command line: mistakes', () => {
  const bare = (args: string[]) => errorOf(ConfigError, () => parsePredict(args, machine(['c']))).message;
  assert.is(bare([]), '--checkpoint is missing');
  assert.is(bare(['--checkpoint', 'd']), '--checkpoint d: there is no such file');
  assert.is(bare(['--checkpoint', 'c']), '--images is missing');
  assert.is(refusal('--classes', 'cat'), "'cat' is the only class: every pixel would be of it");
  assert.is(
    refusal('--classes', 'a,b', '--classes-file', 'f'),
    '--classes and --classes-file are both given',
  );
  assert.match(refusal('--background', '2'), "'2' is no number from 0 to 1");
  assert.match(refusal('--clip', '/none.pt'), '--clip /none.pt: there is no such file');
  assert.is(
    refusal('--set', 'optim.lr=1'),
    '--set optim.lr=1: optim.lr has no effect here, only training reads it',
  );
  assert.match(refusal('--set', 'train.batch=2'), 'train.batch has no effect here');
  const forgotten = (args: string[]) =>
    errorOf(ConfigError, () => parsePredict(['--checkpoint', 'c', ...args], machine(['c'])));
  const { message, hint } = forgotten(['--images', '--classes', 'cat,dog']);
  assert.is(message, '--images: its value is missing, the flag --classes follows');
  assert.match(hint, 'Wanted --images <PATH...>: pictures, and folders');
  assert.match(forgotten(['--images', 'p', '--set', '--help']).message, '--set: its value is missing');
  assert.match(forgotten(['--out', '--images', 'p']).message, '--out: its value is missing');
  assert.is(parse(['--background', '--out', 'o']).out, 'o', 'a flag whose value may be left out');
  const missing = errorOf(DataError, () => parse(['--classes-file', '/no/names.txt']));
  assert.match(missing.message, '/no/names.txt: cannot be read: no such file');
});

test('a file of class names that is no text is refused, and none of its bytes are printed', () => {
  const file = join(temporaryFolder(), 'names.txt');
  const said = (bytes: readonly number[]) => {
    writeFileSync(file, Uint8Array.from(bytes));
    return errorOf(DataError, () => parse(['--classes-file', file]));
  };
  const { message, hint } = said([99, 97, 116, 10, 0, 1]);
  assert.is(message, `${file}: is no text, byte 5 of it is 0, wanted text in UTF-8, one name a line`);
  assert.is(hint, 'Save the names as plain text in UTF-8.');
  const latin = said([103, 114, 0xf6, 0xdf, 101]);
  assert.is(latin.message, `${file}: holds bytes that are not UTF-8, wanted text in UTF-8, one name a line`);
  writeFileSync(file, '\uFEFFcat\r\nGröße\r\n');
  assert.equal(parse(['--classes-file', file]).names, ['cat', 'Größe']);
});

const resolve = (args: string[], saved: RunConfig | null, ...paths: string[]) => {
  const around = machine(['c', ...paths]);
  return resolvePredict(parse(args, around), { config: saved, tensors: withPrompts() }, around.exists);
};

test('model and settings are those of the run; its threshold is the default', () => {
  const saved = embeddedPreset();
  assert.equal(resolve([], saved), { config: saved, clip: null, background: null });
  assert.is(resolve([], saved, embeddedClip).clip, embeddedClip);
  assert.is(resolve(['--background'], saved).background, 0.3);
  assert.is(resolve(['--background', '0'], saved).background, 0);
  const coco = fullPreset('coco171');
  assert.is(resolve(['--background'], coco).background, 0.5);
  const moved = { ...saved, data: { ...saved.data, clip: '/gone.safetensors' } };
  assert.is(resolve([], moved, embeddedClip).clip, embeddedClip);
  assert.is(resolve(['--clip', '/clip.pt'], coco, '/clip.pt').clip, '/clip.pt');
});

test('weights without configuration are of the published model of --dataset', () => {
  assert.equal(resolve(['--dataset', 'context59'], null).config, fullPreset('context59'));
  assert.is(errorOf(ConfigError, () => resolve([], null)).message, 'c does not tell its data set');
  const other = errorOf(ConfigError, () => resolve(['--dataset', 'coco171'], embeddedPreset()));
  assert.is(other.message, '--dataset coco171: c was trained on voc20');
});

test('bare weights: their prompts count, and --mode tells how they were trained', () => {
  const bare = (line: string, prompts: number) =>
    resolvePredict(
      parse(line.split(' ')),
      { config: null, tensors: withPrompts(prompts) },
      machine(['c']).exists,
    );
  assert.is(bare('--dataset voc20', 3).config.model.prompts.count, 3);
  const { train, eval: settings } = bare('--dataset voc20 --mode supervised', 10).config;
  assert.equal([train.mode, settings.seenPenalty], ['supervised', 0]);
  assert.is(
    errorOf(ConfigError, () => bare('--dataset context59', 10)).message,
    '--dataset context59: c was trained on voc20, as its 10 prompt tokens tell',
  );
  assert.match(
    errorOf(ConfigError, () => resolve(['--mode', 'supervised'], fullPreset('voc20'))).message,
    '--mode supervised: c was trained in mode inductive',
  );
  const set = errorOf(ConfigError, () => resolve(['--set', 'train.mode=supervised'], fullPreset('voc20')));
  assert.is(
    set.message,
    '--set train.mode=supervised: c was trained in mode inductive, as the configuration in it tells',
  );
  assert.match(set.hint, 'Leave --set train.mode=supervised out;');
  assert.is(resolve(['--mode', 'inductive'], fullPreset('voc20')).config.train.mode, 'inductive');
});

test('the seen penalty goes with names that training saw masks of, in inductive runs alone', () => {
  const names = ['tractor', 'Cat', 'sheep', 'bicycle'];
  const config = fullPreset('voc20');
  assert.equal([...namePenalties(names, config)], [0, Math.fround(0.1), 0, Math.fround(0.1)]);
  const free = { ...config, train: { ...config.train, mode: 'transductive' as const } };
  assert.equal([...namePenalties(names, free)], [0, 0, 0, 0]);
});

test('the colour map is that of VOC', () => {
  assert.equal(vocColourMap(21), [[0, 0, 0], ...datasetInfo('voc20').palette]);
  assert.equal(vocColourMap(256)[255], [224, 224, 192]);
});

test('a miniature CLIP names the words that it does not know, and names near them', () => {
  const vocabulary = vocabularyOf(['a cat', 'a dog', 'police car', 'traffic light']);
  requireKnownWords(vocabulary, ['Cat', 'police dog']);
  const { message, hint } = errorOf(ConfigError, () =>
    requireKnownWords(vocabulary, ['cat', 'red car', 'snow leopard']),
  );
  assert.match(message, /"red car": 'red' is new to it; near: .*police car/);
  assert.match(message, `"snow leopard": 'snow', 'leopard' are new to it`);
  assert.not.match(message, '"cat"');
  assert.match(hint, 'for instance car, cat, dog;');
});

test('sizes that do not fit become smaller in the same shape', () => {
  assert.equal(fitted({ width: 300, height: 200 }, 60000), { width: 300, height: 200 });
  assert.equal(fitted({ width: 4000, height: 3000 }, 120000), { width: 400, height: 300 });
  assert.equal(fitted({ width: 1, height: 10000 }, 100), { width: 1, height: 1000 });
});

test('a picture is one line', () => {
  const found = { file: 'p/a.jpg', width: 4, height: 3, overlay: 'o', mask: 'm' };
  assert.is(
    foundLine({
      ...found,
      shares: [
        { name: 'background', share: 0.875 },
        { name: 'traffic light', share: 0.1245 },
        { name: 'cat', share: 0.0005 },
      ],
    }),
    'p/a.jpg  4 x 3  background 87.5%  traffic light 12.4%  cat <0.1%',
  );
});

test.run();
