import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DatasetName } from '../../../train/config/config.ts';
import { datasetInfo } from '../../../train/data/datasets/info.ts';
import {
  classTable,
  ignoredLabel,
  mapLabels,
  trainingTable,
  unlabelledLabel,
} from '../../../train/data/labels.ts';
import { readFixture } from './support.ts';

interface DatasetFixture {
  classes: string[];
  seen: number[];
  novel: number[];
  novel_names: string[];
  num_tokens: number;
  palette: [number, number, number][];
}

const test = suite('data_labels');
const golden = readFixture<Record<string, DatasetFixture>>('datasets.json');
const tables = readFixture<Record<string, number[]>>('label_map.json');

const fixtureNames: [DatasetName, string, 0 | 1][] = [
  ['voc20', 'voc_20', 1],
  ['context59', 'context_59', 1],
  ['coco171', 'coco_171', 0],
];
for (const [name, key, firstClassValue] of fixtureNames) {
  test(`${name}: classes, split, palette and prompts as in the fixture`, () => {
    const info = datasetInfo(name);
    const wanted = golden[key]!;
    assert.is(info.name, name);
    assert.equal(info.classes, wanted.classes);
    assert.equal(info.seen, wanted.seen);
    assert.equal(info.novel, wanted.novel);
    assert.equal(
      info.novel.map((id) => info.classes[id]),
      wanted.novel_names,
    );
    assert.equal(info.palette, wanted.palette);
    assert.is(info.promptTokens, wanted.num_tokens);
    assert.is(info.firstClassValue, firstClassValue);
  });
}

test('mask values of VOC and Context are class + 1, those of COCO-Stuff the class', () => {
  const voc = classTable(datasetInfo('voc20'));
  assert.equal([...voc.slice(0, 4)], [255, 0, 1, 2]);
  assert.equal([voc[20], voc[21], voc[255]], [19, 255, 255]);
  const coco = classTable(datasetInfo('coco171'));
  assert.equal([coco[0], coco[170], coco[171], coco[255]], [0, 170, 255, 255]);
});

test('the background can count as the class after the last, where there is one', () => {
  const voc = classTable(datasetInfo('voc20'), 'class');
  assert.equal([voc[0], voc[1], voc[20], voc[255]], [20, 0, 19, 255]);
  assert.equal(classTable(datasetInfo('coco171'), 'class'), classTable(datasetInfo('coco171')));
});

test('inductive and transductive tables as in the fixture', () => {
  const seen = [0, 2, 3, 6];
  assert.equal([...trainingTable('inductive', seen)], tables.inductive_seen_0_2_3_6);
  assert.equal([...trainingTable('transductive', seen)], tables.transductive_seen_0_2_3_6);
});

test('supervised training keeps every label', () => {
  assert.equal(
    [...trainingTable('supervised', [1])],
    Array.from({ length: 256 }, (_, i) => i),
  );
});

test('an inductive index follows the order of the seen list', () => {
  const table = trainingTable('inductive', [5, 1]);
  assert.equal([table[5], table[1], table[0]], [0, 1, ignoredLabel]);
});

test('from mask to labels of a transductive VOC run', () => {
  const { seen } = datasetInfo('voc20');
  const classes = mapLabels(
    Uint8Array.of(0, 1, 15, 16, 20, 255),
    classTable(datasetInfo('voc20')),
    new Uint8Array(6),
  );
  assert.equal([...classes], [255, 0, 14, 15, 19, 255]);
  const labels = mapLabels(classes, trainingTable('transductive', seen), new Int32Array(6));
  assert.equal([...labels], [255, 0, 14, unlabelledLabel, unlabelledLabel, 255]);
});

test.run();
