import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../engine/errors.ts';
import { embeddedPreset, fullPreset } from '../../../train/config/presets.ts';
import { settingsSchema } from '../../../train/config/schema.ts';
import { applyOverrides, overriddenValue, parseOverride, parseValue } from '../../../train/config/set.ts';
import { errorOf } from '../../support/error_of.ts';

const test = suite('config --set');
const parse = (assignment: string) => parseOverride(assignment, settingsSchema);

test('values are read as they are typed', () => {
  const cases: [string, unknown][] = [
    ['1e-4', 1e-4],
    ['.5', 0.5],
    ['+3', 3],
    ['-2.', -2],
    ['true', true],
    ['null', null],
    ['inductive', 'inductive'],
    ['"2012"', '2012'],
    ['[[5,6,7],[8,9,10],[11]]', [[5, 6, 7], [8, 9, 10], [11]]],
    ['a=b', 'a=b'],
    ['', ''],
    ['[1,', '[1,'],
  ];
  for (const [text, value] of cases) assert.equal(parseValue(text), value, text);
});

test('any finite number survives being typed', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.ok(Object.is(parseValue(String(value)), value) || value === 0);
    }),
  );
});

test('overrides change what they name and nothing else', () => {
  const before = embeddedPreset();
  const overrides = ['optim.lr=1e-4', 'model.stages=[[5]]', 'data.clip=null', 'optim.lr=3e-4'].map(parse);
  const after = applyOverrides(before, overrides);
  assert.equal(before, embeddedPreset(), 'the preset is not changed');
  assert.is(after.optim.lr, 3e-4, 'the last one wins');
  assert.is(overriddenValue(overrides, 'optim.lr'), 3e-4);
  assert.is(overriddenValue(overrides, 'optim.eps'), undefined);
  assert.equal(after, {
    ...before,
    optim: { ...before.optim, lr: 3e-4 },
    model: { ...before.model, stages: [[5]] },
  });
});

test('stages of ViT-B/16 as a user types them', () => {
  const override = parse('model.stages=[[5,6,7],[8,9,10],[11]]');
  assert.equal(applyOverrides(fullPreset('voc20'), [override]), fullPreset('voc20'));
});

const wrong: [string, string][] = [
  ['optim.lr', '--set optim.lr: wanted NAME=VALUE'],
  ['=3', '--set =3: wanted NAME=VALUE'],
  ['optim.lrr=3', '--set optim.lrr=3: optim.lrr: no such setting; did you mean optim.lr?'],
  ['lr=3', 'lr: no such setting; did you mean optim.lr?'],
  ['vision.heads=3', 'vision: no such setting; did you mean model.vision.heads?'],
  ['trian.batch=3', 'trian: no such setting; did you mean train?'],
  ['optim.lr=abc', '--set optim.lr=abc: optim.lr: found the text "abc", wanted a number >= 0'],
  ['optim.lr=-1', 'optim.lr: found -1, wanted a number >= 0'],
  ['train.batch=1.5', 'train.batch: found 1.5, wanted a whole number >= 1'],
  ['data.flip=yes', 'data.flip: found the text "yes", wanted a number >= 0 and <= 1'],
  ['data.photometric=1', 'data.photometric: found 1, wanted true or false'],
  ['data.root=5', 'data.root: found 5, wanted a non-empty text'],
  ['train.mode=zero-shot', 'wanted one of inductive, transductive, supervised'],
  ['seed=null', 'seed: found null, wanted a whole number >= 0 and <= 4294967295'],
  ['optim.betas=[0.9]', 'optim.betas: found [0.9], wanted two numbers [a, b] >= 0 and < 1'],
  [
    'optim.rules=[{"key":"a","lr":3}]',
    'optim.rules: found [{"key":"a","lr":3}], wanted a list of {"key": text',
  ],
  ['optim=3', '--set optim=3: optim is a section'],
  ['optim.rules.0.key=a', 'optim.rules can only be set as a whole'],
];
for (const [assignment, message] of wrong) {
  test(`rejected: --set ${assignment}`, () => {
    const error = errorOf(ConfigError, () => parse(assignment));
    assert.ok(error.message.includes(message), error.message);
    assert.ok(error.hint.length > 0);
  });
}

test('a name that is none of a few: the hint has the nearest and all of them', () => {
  const hint = (assignment: string) => errorOf(ConfigError, () => parse(assignment)).hint;
  const all = 'Names: voc20, context59, coco171\ndataset: benchmark';
  assert.is(hint('dataset=voc21'), `Did you mean voc20? ${all}`);
  assert.is(hint('dataset=Coco'), `Did you mean coco171? ${all}`);
  assert.is(hint('dataset=5'), all);
  assert.is(hint('optim.lr=x'), 'optim.lr: base learning rate of AdamW');
});

test('overrides that contradict another setting are rejected', () => {
  const error = errorOf(ConfigError, () =>
    applyOverrides(embeddedPreset(), ['model.vision.heads=5', 'train.stopAt=400'].map(parse)),
  );
  assert.match(error.message, 'settings do not fit: model.vision.heads: 5 heads do not divide');
  assert.match(error.message, 'train.stopAt: 400 is more than schedule.maxIters 380');
});

test.run();
