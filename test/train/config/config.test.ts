import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError } from '../../../engine/errors.ts';
import { formatConfig, loadConfig, parseConfig, type RunConfig } from '../../../train/config/config.ts';
import { listFields } from '../../../train/config/fields.ts';
import { embeddedPreset, embeddedRoot, fullPreset } from '../../../train/config/presets.ts';
import { datasetNames, settingsSchema } from '../../../train/config/schema.ts';
import { errorOf } from '../../support/error_of.ts';

const test = suite('config');
const folder = mkdtempSync(join(tmpdir(), 'config-test-'));
test.after(() => rmSync(folder, { recursive: true }));

/** The embedded preset after `change` spoilt it. */
function spoilt(change: (config: Record<string, Record<string, unknown>>) => void): unknown {
  const config = structuredClone(embeddedPreset());
  change(config as unknown as Record<string, Record<string, unknown>>);
  return config;
}

function rejected(config: unknown): ConfigError {
  return errorOf(ConfigError, () => parseConfig(config, 'test.json'));
}

test('every preset is valid, in every mode and with any number of steps', () => {
  for (const mode of ['inductive', 'transductive', 'supervised'] as const) {
    for (const maxIters of [undefined, 1, 7, 380]) {
      const options = maxIters === undefined ? { mode } : { mode, maxIters };
      for (const preset of [
        embeddedPreset(options),
        ...datasetNames.map((name) => fullPreset(name, options)),
      ]) {
        assert.equal(parseConfig(preset, 'preset'), preset);
      }
    }
  }
});

test('published presets', () => {
  const steps = { voc20: 20_000, context59: 40_000, coco171: 80_000 };
  const prompts = { voc20: 10, context59: 35, coco171: 50 };
  const transductiveImages = { voc20: 32, context59: 16, coco171: 16 };
  const images = ({ train }: RunConfig) => train.batch * train.accumulation;
  for (const name of datasetNames) {
    const inductive = fullPreset(name);
    assert.is(inductive.schedule.maxIters, steps[name]);
    assert.is(inductive.train.checkpointInterval, steps[name] / 10);
    assert.is(inductive.model.prompts.count, prompts[name]);
    assert.is(images(inductive), 16);
    assert.is(inductive.schedule.warmupIters, 1500);
    assert.is(inductive.eval.seenPenalty, 0.1);
    const transductive = fullPreset(name, { mode: 'transductive' });
    assert.is(transductive.schedule.maxIters, steps[name] / 2);
    assert.is(images(transductive), transductiveImages[name]);
    assert.is(transductive.eval.seenPenalty, 0);
  }
  assert.is(fullPreset('coco171').eval.backgroundThreshold, null, 'COCO-Stuff has no background');
  assert.is(fullPreset('voc20').data.trainSplit, 'trainaug');
  assert.is(embeddedPreset().data.trainSplit, 'train');
});

test('the embedded preset scales its warm-up with the schedule', () => {
  assert.is(embeddedPreset().schedule.maxIters, 380);
  assert.is(embeddedPreset().schedule.warmupIters, 76);
  assert.is(embeddedPreset({ maxIters: 1500 }).schedule.warmupIters, 300);
  assert.is(embeddedPreset({ maxIters: 5 }).schedule.warmupIters, 1);
});

test('a saved configuration is loaded as it was', () => {
  const file = join(folder, 'config.json');
  const config = fullPreset('context59', { mode: 'transductive' });
  writeFileSync(file, formatConfig(config));
  assert.equal(loadConfig(file), config);
});

test('a saved configuration without later settings is what the program did before them', () => {
  const file = join(folder, 'early.json');
  const { engine: _, ...early } = embeddedPreset();
  const { aggregation: __, ...model } = early.model;
  writeFileSync(file, JSON.stringify({ ...early, model }));
  assert.equal(loadConfig(file), embeddedPreset());
  writeFileSync(file, JSON.stringify({ ...embeddedPreset(), engine: { precision: 'f16' } }));
  assert.equal(loadConfig(file).engine, { precision: 'f16', checkpointing: false });
  const shared = { ...early.data, root: '.cache/embedded/VOCdevkit/VOC2012' };
  writeFileSync(file, JSON.stringify({ ...early, data: shared }));
  assert.is(loadConfig(file).data.root, embeddedRoot(), 'the scenes of every size once lay in one folder');
  const { optim: ___, ...broken } = early;
  writeFileSync(file, JSON.stringify(broken));
  assert.match(errorOf(ConfigError, () => loadConfig(file)).message, 'optim: missing');
  const missing = rejected(early);
  assert.match(missing.message, 'engine: missing', 'what is not saved has to be complete');
});

test('a configuration that cannot be read names the file and the cause', () => {
  const missing = join(folder, 'none.json');
  assert.is(
    errorOf(DataError, () => loadConfig(missing)).message,
    `${missing}: cannot be read: no such file or folder (ENOENT)`,
  );
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, '{"seed": ');
  assert.match(errorOf(DataError, () => loadConfig(broken)).message, `${broken}: is not JSON`);
  writeFileSync(broken, '[]');
  assert.match(
    errorOf(ConfigError, () => loadConfig(broken)).message,
    `${broken}: the configuration: found []`,
  );
});

test('an unknown setting is rejected with the nearest name and all names of its section', () => {
  const error = rejected(
    spoilt(({ optim }) => {
      optim!.weigthDecay = 0.1;
    }),
  );
  assert.is(error.message, 'test.json: optim.weigthDecay: no such setting; did you mean optim.weightDecay?');
  assert.is(error.hint, 'Settings of optim: lr, betas, eps, weightDecay, rules');
  const top = rejected({ ...embeddedPreset(), sede: 1 });
  assert.match(top.message, 'sede: no such setting; did you mean seed?');
});

test('a wrong value is rejected with what was found and what was wanted', () => {
  const error = rejected(
    spoilt(({ optim, train, data, model }) => {
      optim!.lr = '1e-4';
      train!.batch = 1.5;
      data!.scale = [48];
      model!.stages = [[0, 'x']];
    }),
  );
  for (const line of [
    'data.scale: found [48], wanted two numbers [a, b] >= 1',
    'model.stages: found [[0,"x"]], wanted a list of lists of block indices',
    'optim.lr: found the text "1e-4", wanted a number >= 0',
    'train.batch: found 1.5, wanted a whole number >= 1',
  ]) {
    assert.ok(error.message.includes(line), `${line} is not in ${error.message}`);
  }
  assert.match(error.hint, 'optim.lr: base learning rate of AdamW');
});

test('a missing setting and a missing section are named', () => {
  const { optim: _, ...rest } = embeddedPreset();
  assert.match(rejected(rest).message, 'optim: missing, wanted {lr, betas, eps, weightDecay, rules}');
  const error = rejected(
    spoilt(({ loss }) => {
      delete loss!.alpha;
    }),
  );
  assert.match(error.message, 'loss.alpha: missing, wanted a number >= 0 and <= 1');
});

const conflicts: [string, string, unknown, string][] = [
  ['heads', 'model.vision.heads', 5, 'model.vision.heads: 5 heads do not divide model.vision.width 128'],
  [
    'decoder heads',
    'model.decoder.heads',
    7,
    'model.decoder.heads: 7 heads do not divide model.vision.embedDim 96',
  ],
  [
    'wide heads',
    'model.vision.width',
    516,
    'model.vision.heads: 4 heads of model.vision.width 516 are wider than 128 columns each',
  ],
  [
    'wide decoder heads',
    'model.vision.embedDim',
    516,
    'model.decoder.heads: 4 heads of model.vision.embedDim 516 are wider than 128 columns each',
  ],
  ['short side', 'eval.shortSide', 7, 'eval.shortSide: 7 is smaller than model.vision.patch 8'],
  [
    'embedded scenes elsewhere',
    'data.root',
    '/data/voc',
    'data.root: /data/voc with data.embedded, whose scenes of data.crop 48 pixels lie in .cache/embedded/48/VOCdevkit/VOC2012',
  ],
  ['resolution', 'model.vision.resolution', 50, '50 is no multiple of model.vision.patch 8'],
  [
    'deep prompts',
    'model.prompts.deep',
    6,
    'model.prompts.deep: 6 is more than the 5 blocks after the first',
  ],
  ['no stage', 'model.stages', [], 'model.stages: no stage'],
  ['an empty stage', 'model.stages', [[], [5]], 'a stage of [[],[5]] holds no block'],
  ['stages out of order', 'model.stages', [[2, 1], [5]], 'block indices of [[2,1],[5]] do not increase'],
  [
    'a block in two stages',
    'model.stages',
    [
      [1, 2],
      [2, 5],
    ],
    'do not increase',
  ],
  ['last stage', 'model.stages', [[1], [4]], '[[1],[4]] ends with block 4, wanted the last block 5'],
  ['crop', 'data.crop', 4, 'data.crop: 4 is smaller than model.vision.patch 8'],
  ['scale', 'data.scale', [48, 64], 'long side 48 is smaller than short side 64'],
  ['ratio', 'data.ratio', [2, 0.5], 'least 2 is more than most 0.5'],
  ['window', 'eval.crop', 4, 'eval.crop: 4 is smaller than model.vision.patch 8'],
  ['stride', 'eval.stride', 64, 'eval.stride: 64 is more than eval.crop 48'],
  ['stop', 'train.stopAt', 381, 'train.stopAt: 381 is more than schedule.maxIters 380'],
];
for (const [name, path, value, message] of conflicts) {
  test(`settings that contradict each other: ${name}`, () => {
    const config = spoilt((root) => {
      const keys = path.split('.');
      const last = keys.pop()!;
      const section = keys.reduce((at, key) => at[key] as typeof root, root) as Record<string, unknown>;
      section[last] = value;
    });
    assert.ok(rejected(config).message.includes(message), rejected(config).message);
  });
}

test('sizes that only look odd are accepted', () => {
  const config = spoilt(({ data, eval: evaluation }) => {
    data!.crop = 45;
    data!.root = embeddedRoot(45);
    evaluation!.crop = 37;
    evaluation!.stride = 11;
  });
  assert.is(parseConfig(config, 'test').data.crop, 45);
});

test('every setting has a description and says what it takes', () => {
  const fields = listFields(settingsSchema);
  assert.ok(fields.length > 50);
  for (const { path, description, wanted } of fields) {
    assert.ok(description.length > 5 && wanted.length > 3, `${path}: "${description}" (${wanted})`);
  }
});

test.run();
