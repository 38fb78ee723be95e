import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../engine/random.ts';
import { type ClipConfig, clipSpecs } from '../../../model/clip.ts';
import { parameterSpecs } from '../../../model/parameters.ts';
import { ParameterStore } from '../../../model/store.ts';
import { clipName } from '../../../model/weights/clip_names.ts';
import { readSafetensors, writeSafetensors } from '../../../model/weights/safetensors.ts';
import { float32Tensor, type StateDict } from '../../../model/weights/tensor_file.ts';
import { loadModelFile } from '../../../train/checkpoint.ts';
import { parsePredict } from '../../../train/commands/predict.ts';
import { voc20 } from '../../../train/data/datasets/voc20.ts';
import { readImage } from '../../../train/data/image/decode.ts';
import { evaluateRun } from '../../../train/evaluation/evaluate_run.ts';
import { namePenalties } from '../../../train/predict/embeddings.ts';
import { resolvePredict } from '../../../train/predict/resolve.ts';
import { segment } from '../../../train/predict/segment.ts';
import { openSavedModel } from '../../../train/saved_model.ts';
import { runScript, settingFlags } from '../../support/command.ts';
import { openEngine } from '../../support/device.ts';
import { machine, withPrompts } from '../commands/support.ts';
import { temporaryFolder, writeVocTree } from '../data/support.ts';

/** `npm run predict` as a user runs it: a tiny untrained model of the full kind, with a CLIP of its own. */
const test = suite('prediction');
const root = temporaryFolder();
const path = (...names: string[]): string => join(root, ...names);

const settings = [
  'model.vision.width=32',
  'model.vision.heads=2',
  'model.vision.embedDim=16',
  'model.vision.resolution=64',
  'model.prompts.count=2',
  'model.decoder.layers=2',
  'model.decoder.heads=2',
  'eval.crop=64',
  'eval.stride=48',
  'eval.shortSide=64',
  'data.workers=0',
];
const line = ['--checkpoint', 'w', '--images', 'p', '--dataset', 'voc20', ...settingFlags(settings)];
const { config } = resolvePredict(
  parsePredict(line, machine(['w'])),
  { config: null, tensors: withPrompts() },
  machine(['w']).exists,
);
const clip: ClipConfig = {
  vision: config.model.vision,
  text: { width: 32, layers: 1, heads: 2, embedDim: 16, contextLength: 77, vocabularySize: 49408 },
};

/** A CLIP under OpenAI's names, and weights of a model on its image tower, both drawn from a seed. */
async function writeModel(): Promise<void> {
  const engine = await openEngine();
  try {
    const drawn = await new ParameterStore(engine, clipSpecs(clip), new Map(), 3).stateDict();
    const own: StateDict = new Map([...drawn].map(([name, tensor]) => [clipName(name), tensor]));
    await writeSafetensors(path('clip.safetensors'), own, {});
    const other = new Map(own).set('visual.proj', float32Tensor([32, 16], new Float32Array(512).fill(0.1)));
    await writeSafetensors(path('other.safetensors'), other, {});
    const tower = new Map([...drawn].filter(([name]) => name.startsWith('backbone.')));
    const store = new ParameterStore(engine, parameterSpecs(config.model), tower, 4);
    await writeSafetensors(path('weights.safetensors'), await store.stateDict(), { format: 'pt' });
  } finally {
    await engine.close();
  }
}

async function writePictures(): Promise<void> {
  mkdirSync(path('pictures'));
  mkdirSync(path('more'));
  const noise = (width: number, height: number, channels: 3 | 4) => {
    const random = new Random(1, width);
    const data = Uint8Array.from({ length: width * height * channels }, () => random.integer(0, 256));
    return sharp(data, { raw: { width, height, channels } });
  };
  await noise(70, 41, 3).jpeg().withMetadata({ orientation: 6 }).toFile(path('pictures', 'größe 猫.jpg'));
  await noise(33, 50, 4).png().toFile(path('pictures', 'a.png'));
  await noise(33, 50, 3).toColourspace('rgb16').png().toFile(path('more', 'a.png'));
  await noise(1, 9, 3).png().toFile(path('pictures', 'thin.png'));
  writeFileSync(path('pictures', 'broken.jpg'), 'no picture');
  writeFileSync(path('more', 'notes.txt'), 'no picture');
}

test.before(async () => {
  await writeModel();
  await writePictures();
});

const predict = (...args: string[]) =>
  runScript('train/commands/predict_main.ts', [
    ...[
      '--checkpoint',
      path('weights.safetensors'),
      '--dataset',
      'voc20',
      ...settingFlags(settings),
      ...args,
    ],
  ]);

test('own pictures and own names: overlays, masks of the original size, a summary; a broken one is named', async () => {
  const names = 'traffic light, 猫,cat';
  const flags = ['--clip', path('clip.safetensors'), '--out', path('out'), '--background', '0.1'];
  const { code, output } = await predict(
    '--images',
    path('pictures'),
    path('more'),
    '--classes',
    names,
    ...flags,
  );
  assert.is(code, 1, output);
  assert.match(output, /1\/5 .*a\.png {2}33 x 50 {2}\S/);
  assert.match(output, '1 other file and 0 folders not taken');
  assert.match(
    output,
    /4 pictures in .*\n1 picture failed:\n {2}.*broken\.jpg: cannot be decoded as an image/,
  );
  assert.not.match(output, /\n {4}at /);
  const summary = JSON.parse(readFileSync(path('out', 'predictions.json'), 'utf8'));
  assert.equal(summary.classes, [
    { value: 0, name: 'background', colour: '#000000' },
    { value: 1, name: 'traffic light', colour: '#800000' },
    { value: 2, name: '猫', colour: '#008000' },
    { value: 3, name: 'cat', colour: '#808000' },
  ]);
  assert.is(summary.failures.length, 1);
  const sizes = [];
  for (const { mask, overlay, shares } of summary.pictures) {
    const png = decode(readFileSync(mask));
    sizes.push([png.width, png.height]);
    assert.equal([png.channels, png.depth, png.palette?.length], [1, 8, 4]);
    const values = [...png.data];
    assert.ok(Math.max(...values) <= 3);
    for (const { value, name } of summary.classes) {
      const share = values.filter((other) => other === value).length / values.length;
      const told = shares.find((own: { name: string }) => own.name === name);
      assert.is(told?.share ?? 0, share, name);
    }
    assert.ok(existsSync(overlay));
  }
  // the first is turned upright by its EXIF orientation
  assert.equal(sizes, [
    [33, 50],
    [41, 70],
    [1, 9],
    [33, 50],
  ]);
  assert.equal(new Set(summary.pictures.map(({ mask }: { mask: string }) => mask)).size, 4);
});

test('results in a used folder replace the earlier ones, and leave other files alone', async () => {
  const out = path('used');
  mkdirSync(join(out, 'masks'), { recursive: true });
  writeFileSync(join(out, 'masks', 'mine.png'), 'mine');
  const clipFlags = ['--clip', path('clip.safetensors'), '--classes', 'tree,sky', '--out', out];
  const masks = () => readdirSync(join(out, 'masks')).sort();
  const first = await predict('--images', path('pictures', 'thin.png'), ...clipFlags);
  assert.is(first.code, 0, first.output);
  assert.not.match(first.output, 'replaces');
  assert.equal(masks(), ['mine.png', 'thin.png']);
  const second = await predict('--images', path('more'), ...clipFlags);
  assert.is(second.code, 0, second.output);
  assert.ok(second.output.includes(`replaces the earlier results of 1 picture in ${out}`), second.output);
  assert.equal(masks(), ['a.png', 'mine.png']);
  assert.equal(readdirSync(join(out, 'overlays')), ['a.png']);
});

test('names without an embedding need CLIP, and the CLIP of the model', async () => {
  const ask = ['--images', path('more'), '--classes', 'tree,sky', '--out', path('none')];
  const [without, other] = await Promise.all([
    predict(...ask),
    predict(...ask, '--clip', path('other.safetensors')),
  ]);
  assert.equal([without.code, other.code], [1, 1]);
  assert.match(without.output, "has no embedding of 'tree', 'sky', and CLIP's weights are not there");
  assert.match(other.output, 'other.safetensors: its image tower is not the one in the checkpoint');
  assert.not.ok(existsSync(path('none')), 'nothing is written');
});

test('CLIP is given and not needed: a line says that it was not opened', async () => {
  const { tensors } = await readSafetensors(path('weights.safetensors'));
  const own = new Map(tensors).set(
    'text_embeddings',
    float32Tensor([20, 16], new Float32Array(320).fill(0.25)),
  );
  const about = { format: 'cascade-clip-webgpu 1', step: '1', updates: '1', best: '' };
  await writeSafetensors(path('own.safetensors'), own, { ...about, config: JSON.stringify(config) });
  const ask = (file: string, classes: string) =>
    runScript('train/commands/predict_main.ts', [
      ...['--checkpoint', path('own.safetensors'), '--images', path('more'), '--out', path(`of ${classes}`)],
      ...['--clip', path(file), '--classes', classes],
    ]);
  const [unused, used] = await Promise.all([
    ask('more/notes.txt', 'cat,dog'),
    ask('clip.safetensors', 'cat,tree'),
  ]);
  assert.equal([unused.code, used.code], [0, 0], unused.output + used.output);
  assert.ok(
    unused.output.includes(
      `--clip ${path('more/notes.txt')}: not needed and not opened, ${path('own.safetensors')} has embeddings of all names`,
    ),
    unused.output,
  );
  assert.not.match(used.output, 'not needed');
});

test('pictures of a data set, by the names of its classes, are segmented as evaluation does', async () => {
  const tree = await writeVocTree(3);
  const own = { ...config, data: { ...config.data, root: tree, valSplit: 'train' } };
  const names = voc20.classes;
  const random = new Random(7);
  const embeddings = float32Tensor(
    [20, 16],
    Float32Array.from({ length: 320 }, () => random.normal()),
  );
  const model = await openSavedModel(await loadModelFile(path('weights.safetensors')), own, () => embeddings);
  try {
    const maps: { plain: Uint8Array; background: Uint8Array }[] = [];
    await evaluateRun({ ...model, weights: model.store }, null, {
      show: async ({ prediction, withBackground }) => {
        maps.push({ plain: prediction, background: withBackground! });
      },
    });
    assert.is(maps.length, 3);
    const penalty = model.engine.tensor(namePenalties(names, own), [20]);
    for (const [index, { plain, background }] of maps.entries()) {
      const file = join(tree, 'JPEGImages', `a${index}.jpg`);
      const picture = await readImage(file);
      const found = await segment({ model, penalty, background: null }, picture, file);
      assert.equal(
        found,
        plain.map((label) => label + 1),
      );
      const threshold = own.eval.backgroundThreshold;
      const other = await segment({ model, penalty, background: threshold }, picture, file);
      assert.equal(
        other,
        background.map((label) => (label + 1) % 256),
      );
      assert.ok(new Set(found).size > 1, 'the model tells pixels apart');
    }
  } finally {
    await model.close();
  }
});

test('a checkpoint without configuration is read as weights alone', async () => {
  const { config: none, step } = await loadModelFile(path('weights.safetensors'));
  assert.equal([none, step], [null, null]);
  const { tensors } = await readSafetensors(path('weights.safetensors'));
  await writeSafetensors(path('foreign.safetensors'), tensors, { format: 'another 1' });
  const foreign = await runScript('train/commands/predict_main.ts', [
    ...['--checkpoint', path('foreign.safetensors'), '--images', path('more')],
  ]);
  assert.is(foreign.code, 1);
  assert.match(foreign.output, "foreign.safetensors: says it is 'another 1'");
});

test.run();
