import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../../engine/errors.ts';
import { formatTable } from '../../../engine/host/table.ts';
import { readSafetensors } from '../../../model/weights/safetensors.ts';
import {
  addCounts,
  addImage,
  confusionMatrix,
  harmonicMean,
  nanMean,
  scoreReport,
  scores,
} from '../../../train/evaluation/metrics.ts';
import { evaluationLine, evaluationTable } from '../../../train/evaluation/table.ts';
import { errorOf } from '../../support/error_of.ts';
import { goldenPath } from '../../support/paths.ts';

const test = suite('metrics');

interface Analysis {
  miou: {
    classes: number;
    iou: (number | null)[];
    novel: number[];
    pixel_accuracy: number;
    miou_seen: number;
    miou_novel: number;
    hiou: number;
    miou_all: number;
  };
}

const { miou: golden } = JSON.parse(readFileSync(goldenPath('analysis.json'), 'utf8')) as Analysis;

async function goldenMaps() {
  const { tensors } = await readSafetensors(goldenPath('analysis.safetensors'), (name) =>
    name.startsWith('miou/'),
  );
  return { truth: tensors.get('miou/gt')!.data, prediction: tensors.get('miou/pred')!.data };
}

/** The difference that summing the means in another order may make. */
const tolerance = 1e-15;
const close = (got: number, wanted: number, what: string) =>
  assert.ok(Math.abs(got - wanted) <= tolerance, `${what}: ${got}, wanted ${wanted}`);

test('IoU, means and accuracy equal the golden ones', async () => {
  const { truth, prediction } = await goldenMaps();
  const matrix = confusionMatrix(golden.classes);
  addImage(matrix, truth as ArrayLike<number>, prediction as ArrayLike<number>);
  const got = scores(matrix, golden.novel);
  for (const [index, iou] of golden.iou.entries()) {
    if (iou === null) assert.ok(Number.isNaN(got.iou[index]), `class ${index} is absent`);
    else close(got.iou[index]!, iou, `class ${index}`);
  }
  close(got.seen, golden.miou_seen, 'seen');
  close(got.unseen, golden.miou_novel, 'unseen');
  close(got.harmonic, golden.hiou, 'hIoU');
  close(got.mean, golden.miou_all, 'all');
  close(got.pixelAccuracy, golden.pixel_accuracy, 'pixel accuracy');
});

test('image by image gives the same counts as all at once, and as counts made elsewhere', async () => {
  const maps = await goldenMaps();
  const truth = Array.from(maps.truth as ArrayLike<number>);
  const prediction = Array.from(maps.prediction as ArrayLike<number>);
  const whole = confusionMatrix(golden.classes);
  addImage(whole, truth, prediction);
  const parts = confusionMatrix(golden.classes);
  for (let start = 0; start < truth.length; start += 400) {
    const part = confusionMatrix(golden.classes);
    addImage(part, truth.slice(start, start + 400), prediction.slice(start, start + 400));
    addCounts(parts, Uint32Array.from(part.counts));
  }
  assert.equal(parts, whole);
});

test('ignored pixels count nowhere, whatever is predicted there', () => {
  const matrix = confusionMatrix(2);
  addImage(matrix, [0, 255, 1, 255], [0, 1, 0, 200]);
  assert.equal([...matrix.counts], [1, 0, 1, 0]);
});

test('counts stay exact beyond 32 bits', () => {
  const matrix = confusionMatrix(1);
  for (let i = 0; i < 3; i++) addCounts(matrix, [4_294_967_295]);
  assert.is(matrix.counts[0], 12_884_901_885);
});

test('labels out of range and sizes that differ are errors that name them', () => {
  const matrix = confusionMatrix(3);
  const message = (action: () => void) => errorOf(ShapeError, action).message;
  assert.is(
    message(() => addImage(matrix, [0, 3], [0, 0])),
    'metrics: pixel 1 has true label 3, prediction 0; wanted 0..2',
  );
  assert.match(
    message(() => addImage(matrix, [0], [255])),
    'pixel 0 has true label 0, prediction 255',
  );
  assert.is(
    message(() => addImage(matrix, [0, 1], [0])),
    'metrics: 2 true labels, 1 predicted ones',
  );
  assert.is(
    message(() => addCounts(matrix, [1, 2])),
    'metrics: 2 counts for 3 x 3 classes',
  );
});

test('means leave out what is undefined', () => {
  assert.is(nanMean([1, Number.NaN, 2]), 1.5);
  assert.ok(Number.isNaN(nanMean([Number.NaN])));
  assert.is(harmonicMean(0, 0), 0);
  assert.is(harmonicMean(0.5, 0), 0);
  assert.is(harmonicMean(0.25, 0.75), 0.375);
  assert.ok(Number.isNaN(harmonicMean(Number.NaN, 0.5)));
});

function smallReport() {
  const matrix = confusionMatrix(3);
  addImage(matrix, [0, 0, 0, 1], [0, 0, 1, 1]);
  return scoreReport(scores(matrix, [1]), ['cat', 'sheep', 'sofa'], [1]);
}

test('a report is in percent, with null for what is undefined', () => {
  assert.equal(smallReport(), {
    seen: 66.6667,
    unseen: 50,
    hiou: 57.1429,
    mean: 58.3333,
    pixelAccuracy: 75,
    classes: [
      { name: 'cat', unseen: false, iou: 66.6667 },
      { name: 'sheep', unseen: true, iou: 50 },
      { name: 'sofa', unseen: false, iou: null },
    ],
  });
});

test('the table shows classes, unseen marks and both summaries', () => {
  const report = smallReport();
  assert.is(
    evaluationTable({ ...report, withBackground: { ...report, hiou: 12.34 } }, 'inductive'),
    [
      'class    IoU %    class  IoU %',
      'cat       66.7    sofa       -',
      'sheep *   50.0',
      '* Unseen: training showed no mask of these classes.',
      '',
      'mIoU %           seen  unseen  hIoU   all  pixel accuracy',
      '3 classes        66.7    50.0  57.1  58.3            75.0',
      'with background  66.7    50.0  12.3  58.3            75.0',
    ].join('\n'),
  );
  const supervised = evaluationTable({ ...report, withBackground: null }, 'supervised');
  assert.not.match(supervised, 'with background');
  assert.match(supervised, '* Unseen in the zero-shot setting; this run trained on masks of all classes.');
});

test('the line tells why a score is undefined', () => {
  const report = smallReport();
  assert.is(evaluationLine(report), 'mIoU seen 66.7, unseen 50.0, hIoU 57.1');
  assert.is(
    evaluationLine({ ...report, unseen: null, hiou: null }),
    'mIoU seen 66.7, unseen -, hIoU - (no unseen class to score)',
  );
});

test('tables align their columns', () => {
  const rows = [
    ['a', 'b'],
    ['long', '1'],
    ['', '100'],
  ];
  assert.is(formatTable(rows, ['left', 'right']), 'a       b\nlong    1\n      100');
});

test.run();
