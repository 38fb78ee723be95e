import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../engine/random.ts';
import { readSafetensors, writeSafetensors } from '../../../model/weights/safetensors.ts';
import { float32Tensor } from '../../../model/weights/tensor_file.ts';
import { writeNpy } from '../../model/weights/npy_writer.ts';
import { runScript, settingFlags, tinyModel, tinySteps } from '../../support/command.ts';
import { temporaryFolder, writeVocTree } from '../data/support.ts';

/** `npm run eval` on what it is given: embeddings that are gone, data that were moved, weights alone. */
const test = suite('evaluation of files');
const root = temporaryFolder();
const path = (...names: string[]): string => join(root, ...names);
const checkpoint = path('run', 'checkpoints', 'best.safetensors');
const model = settingFlags([
  ...tinyModel,
  'model.vision.resolution=32',
  'eval.crop=32',
  'eval.stride=32',
  'eval.shortSide=32',
  'data.valSplit=train',
]);
const training = settingFlags([
  'data.crop=32',
  'data.scale=[64,32]',
  ...tinySteps,
  'data.trainSplit=train',
  'eval.overlays=0',
]);
let data: string;
let first: { classes: unknown; step: number };

const evaluate = (...args: string[]) => runScript('train/commands/eval_main.ts', ['--checkpoint', ...args]);
const read = (file: string) => JSON.parse(readFileSync(path(file), 'utf8'));

test.before(async () => {
  data = await writeVocTree(3);
  const random = new Random(5);
  const values = Float32Array.from({ length: 320 }, () => random.normal());
  writeNpy(path('text.npy'), float32Tensor([20, 16], values));
  const { code, output } = await runScript('train/commands/train_main.ts', [
    ...['--dataset', 'voc20', '--work-dir', path('run'), '--max-iters', '2', '--data-root', data],
    ...['--text-embeddings', path('text.npy'), ...model, ...training, ...settingFlags(['data.clip=null'])],
  ]);
  assert.is(code, 0, output);
  first = read('run/eval.json');
});

test('a run with given embeddings is evaluated from its checkpoint, on data that were moved', async () => {
  renameSync(path('text.npy'), path('elsewhere.npy'));
  const moved = path('moved');
  renameSync(data, moved);
  const { code, output } = await evaluate(checkpoint, '--data-root', moved, '--json', path('own.json'));
  assert.is(code, 0, output);
  assert.match(output, /evaluated 3\/3 images/);
  assert.equal(read('own.json').classes, first.classes);
  const report = await runScript('train/commands/report_main.ts', [
    '--work-dir',
    path('run'),
    '--data-root',
    moved,
  ]);
  assert.is(report.code, 0, report.output);
  assert.equal(read('run/eval.json').classes, first.classes);
});

test('weights alone are evaluated with --dataset and embeddings, and refused where they do not fit', async () => {
  const { tensors } = await readSafetensors(checkpoint);
  const weights = new Map([...tensors].filter(([name]) => /^(backbone|decode_head)\./.test(name)));
  // what the release's checkpoints hold besides the model
  weights.set('text_encoder.positional_embedding', float32Tensor([2, 3], new Float32Array(6)));
  weights.set('decode_head.loss_decode.criterion.empty_weight', float32Tensor([21], new Float32Array(21)));
  await writeSafetensors(path('weights.safetensors'), weights, {});
  const args = [
    '--dataset',
    'voc20',
    '--data-root',
    path('moved'),
    '--text-embeddings',
    path('elsewhere.npy'),
  ];
  const [whole, other] = await Promise.all([
    evaluate(path('weights.safetensors'), ...args, ...model, '--json', path('weights.json')),
    evaluate(path('weights.safetensors'), ...args),
  ]);
  assert.is(whole.code, 0, whole.output);
  assert.equal(read('weights.json').classes, first.classes);
  assert.is(read('weights.json').step, null);
  assert.is(other.code, 1);
  assert.match(other.output, 'weights.safetensors: its tensors do not fit the model');
});

test('results that could not be written are refused before the work', async () => {
  const file = path('a_file');
  writeFileSync(file, '');
  mkdirSync(path('a_folder'));
  const ends = await Promise.all([
    evaluate(checkpoint, '--json', path('none', 'm.json')),
    evaluate(checkpoint, '--json', path('a_folder')),
    evaluate(checkpoint, '--show-dir', file),
    evaluate(checkpoint, '--show-dir', join(file, 'below')),
  ]);
  const wanted = [
    /m\.json: cannot be written, .*none: no such file or folder/,
    /a_folder: is a folder, wanted a file/,
    /a_file: is a file, wanted a folder/,
    /below: cannot be written to: part of the path is not a folder/,
  ];
  for (const [index, { code, output }] of ends.entries()) {
    assert.is(code, 1, output);
    assert.match(output, wanted[index]!);
    assert.not.match(output, /\n {4}at |evaluated/);
  }
});

test.after(() => rmSync(root, { recursive: true, force: true }));
test.run();
