import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { embeddedPreset, fullPreset } from '../../../train/config/presets.ts';
import { datasetInfo } from '../../../train/data/datasets/info.ts';
import { addImage, confusionMatrix, scoreReport, scores } from '../../../train/evaluation/metrics.ts';
import { renderReport } from '../../../train/report/page.ts';
import { colourMap, pngUri } from '../../../train/report/picture.ts';
import type { ReportData } from '../../../train/report/report_data.ts';
import { assertSelfContained, parsePage, valuesIn } from './support.ts';

const test = suite('report page');
const uri = await pngUri(colourMap([0, 0.5, 1, 0.2], 2, 2));
const sections = [
  'summary',
  'classes',
  'examples',
  'training',
  'confusion',
  'nga',
  'similarity',
  'cka',
  'settings',
];

/** A run over VOC's classes: half of the pixels of each class are right, the others are called aeroplane. */
function sample(): ReportData {
  const info = datasetInfo('voc20');
  const { classes, novel } = info;
  const confusion = confusionMatrix(classes.length);
  const truth = classes.flatMap((_, id) => new Array<number>(2 * (id + 1)).fill(id));
  addImage(
    confusion,
    truth,
    truth.map((id, pixel) => (pixel % 2 ? id : 0)),
  );
  const shifted = novel.map((id) => id + 1);
  const confusionWithBackground = confusionMatrix(classes.length + 1);
  addImage(confusionWithBackground, [0, 0, 5, 20], [0, 5, 5, 0]);
  const map = { title: 'block 2', alt: 'map', uri, low: -0.25, high: 0.75 };
  const picture = {
    name: 'val_00001',
    score: 12.5,
    width: 2,
    height: 2,
    panels: [{ title: 'image', alt: 'image val_00001', uri }],
    legend: [{ name: 'sofa', unseen: true, colour: '#00c000', role: 'truth' as const }],
  };
  return {
    config: embeddedPreset(),
    info,
    step: 380,
    adapter: 'some adapter',
    history: {
      losses: [10, 200, 380].map((step) => ({
        step,
        loss: 30 / step,
        focal: 20 / step,
        dice: 0.5,
        lr: 1e-3 / step,
      })),
      evaluations: [{ step: 190, eval: { hiou: 20, seen: 25, unseen: null } }],
    },
    evaluation: {
      ...scoreReport(scores(confusion, novel), classes, novel),
      withBackground: scoreReport(
        scores(confusionWithBackground, shifted),
        ['background', ...classes],
        shifted,
      ),
    },
    confusion,
    confusionWithBackground,
    first: [picture],
    worst: [{ ...picture, name: 'val_00002', score: null }],
    aggregation: [
      { blocks: [2, 3], weights: { before: [0.6065, 1], after: [0.7, -0.2] } },
      { blocks: [6], weights: null },
    ],
    alignment: {
      blocks: [2, 6],
      images: 3,
      tokens: 108,
      before: [
        [1, 0.25],
        [0.25, 1],
      ],
      after: [
        [1, 0.5],
        [0.5, 1],
      ],
    },
    similarity: [
      {
        name: 'val_00001',
        width: 2,
        height: 2,
        image: { title: 'image', alt: 'image val_00001', uri },
        classes: [{ name: 'sofa', unseen: true, maps: [map] }],
        patch: { left: 0.5, top: 0, width: 0.5, height: 0.5, className: 'sofa', maps: [map] },
      },
    ],
  };
}

test('the page is well formed, holds everything itself and has every section', () => {
  const page = renderReport(sample());
  const elements = parsePage(page);
  assertSelfContained(page, elements);
  const ids = elements.flatMap(({ attributes }) => attributes.get('id') ?? []);
  assert.is(new Set(ids).size, ids.length, 'ids are unique');
  const links = elements.filter(({ name }) => name === 'a').map(({ attributes }) => attributes.get('href'));
  assert.equal(
    links,
    sections.map((id) => `#${id}`),
  );
  assert.equal(
    elements.filter(({ name }) => name === 'section').map(({ attributes }) => attributes.get('id')),
    sections,
  );
});

test('pictures and charts say in words what they show', () => {
  const elements = parsePage(renderReport(sample()));
  const pictures = elements.filter(({ name }) => name === 'img' || name === 'svg');
  assert.ok(pictures.length > 10);
  for (const { name, attributes } of pictures) {
    const words = attributes.get(name === 'img' ? 'alt' : 'aria-label');
    assert.ok(words && words.length > 2, `${name} without words`);
  }
});

test('the scores on the page are those of the evaluation, exactly', () => {
  const data = sample();
  const { evaluation: found } = data;
  const other = found.withBackground!;
  const page = renderReport(data);
  const inPairs = (key: 'hiou' | 'seen' | 'unseen' | 'pixelAccuracy') => [found[key], other[key]];
  assert.equal(
    valuesIn(page, 'summary'),
    [...inPairs('hiou'), ...inPairs('seen'), ...inPairs('unseen'), ...inPairs('pixelAccuracy')].filter(
      (entry) => entry !== null,
    ),
  );
  const group = (unseen: boolean) => {
    const own = found.classes.filter((entry) => entry.unseen === unseen).sort((a, b) => b.iou! - a.iou!);
    const key = unseen ? 'unseen' : 'seen';
    return [
      found[key],
      other[key],
      ...own.flatMap(({ name, iou }) => [iou, other.classes.find((entry) => entry.name === name)!.iou]),
    ];
  };
  assert.equal(
    valuesIn(page, 'classes'),
    [...group(false), ...group(true)].filter((entry) => entry !== null),
  );
});

test('the confusion matrix names pixels and shares', () => {
  const page = renderReport(sample());
  assert.match(page, '<title>sofa predicted as aeroplane: 18 pixels, 50.0 %</title>');
  assert.match(page, '<title>aeroplane predicted as aeroplane: 2 pixels, 100.0 %</title>');
  assert.match(page, /<ol><li>tvmonitor \* taken for aeroplane/);
});

test('weights, alignments and maps show their values', () => {
  const page = renderReport(sample());
  assert.match(page, '<title>block 3, learnt: -0.2</title>');
  assert.match(page, '<title>blocks 2 and 6: 0.25</title>');
  assert.match(page, '<title>blocks 2 and 6: 0.5</title>');
  assert.match(page, 'block 2<br>-0.25 … 0.75');
  assert.match(page, 'left:50.000%;top:0.000%;width:50.000%;height:50.000%');
});

test('names that look like markup stay text', () => {
  const data = sample();
  data.adapter = '<b onclick="x">&</b>';
  data.first[0].name = `"><script>alert('x')</script>`;
  data.first[0].panels[0].alt = `"><script>alert('x')</script>`;
  const page = renderReport(data);
  assertSelfContained(page, parsePage(page));
  assert.match(page, '&lt;b onclick=&quot;x&quot;&gt;&amp;&lt;/b&gt;');
});

test('a run without background, evaluation or record still has a page', () => {
  const data = sample();
  data.config = { ...fullPreset('voc20', { mode: 'supervised' }) };
  data.evaluation = { ...data.evaluation, withBackground: null };
  data.confusionWithBackground = null;
  data.history = { losses: [], evaluations: [] };
  data.similarity = [];
  const page = renderReport(data);
  assertSelfContained(page, parsePage(page));
  assert.match(page, 'Loss, logarithmic: nothing was recorded.');
  assert.match(page, 'this run trained on masks of all classes');
  assert.not.match(page, 'with background');
  assert.not.match(page, 'NaN');
});

test('all 171 classes of COCO-Stuff fit', () => {
  const info = datasetInfo('coco171');
  const { classes, novel } = info;
  const confusion = confusionMatrix(classes.length);
  const truth = classes.map((_, id) => id);
  addImage(
    confusion,
    truth,
    truth.map((id) => (id * 7) % classes.length),
  );
  const evaluation = { ...scoreReport(scores(confusion, novel), classes, novel), withBackground: null };
  const data = { ...sample(), info, confusion, confusionWithBackground: null, evaluation };
  const page = renderReport({ ...data, config: fullPreset('coco171') });
  assertSelfContained(page, parsePage(page));
  assert.is(valuesIn(page, 'classes').length, 171 + 2);
});

test.run();
