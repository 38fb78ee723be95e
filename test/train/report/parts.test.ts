import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../../../engine/errors.ts';
import { datasetInfo } from '../../../train/data/datasets/info.ts';
import type { Shown } from '../../../train/evaluation/evaluate.ts';
import { confusionMatrix } from '../../../train/evaluation/metrics.ts';
import { examplePictures, watchEvaluation } from '../../../train/report/examples.ts';
import { choosePatch } from '../../../train/report/inside.ts';
import { linearTicks, lineChart, logTicks } from '../../../train/report/line_chart.ts';
import { colourMap, pngUri, shownSize } from '../../../train/report/picture.ts';
import { readRunHistory } from '../../../train/report/run_history.ts';
import { errorOf } from '../../support/error_of.ts';
import { temporaryFolder } from '../data/support.ts';

const test = suite('report parts');
const info = datasetInfo('voc20');
const none = 255;

/** An image of 4 x 2 pixels. */
function shown(index: number, truth: number[], prediction: number[], withBackground?: number[]): Shown {
  return {
    index,
    sample: {
      name: `image${index}`,
      image: new Float32Array(24),
      height: 2,
      width: 4,
      originalHeight: 2,
      originalWidth: 4,
      truth: new Uint8Array(8),
      rgb: new Uint8Array(24).fill(100),
    },
    truth: Uint8Array.from(truth),
    prediction: Uint8Array.from(prediction),
    withBackground: withBackground ? Uint8Array.from(withBackground) : null,
  };
}

const all = (label: number): number[] => new Array<number>(8).fill(label);

test('a watch keeps the first images and the worst ones, larger mistakes first', async () => {
  const watch = watchEvaluation(info, 1);
  const half = [1, 1, 1, 1, none, none, none, none];
  await watch.hooks.show(shown(0, all(3), all(3)));
  await watch.hooks.show(shown(1, half, all(2)));
  await watch.hooks.show(shown(2, all(1), all(2)));
  await watch.hooks.show(shown(3, all(none), all(2)));
  await watch.hooks.show(shown(4, all(1), [1, 1, 1, 1, 1, 1, 2, 2]));
  for (let index = 5; index < 20; index++) await watch.hooks.show(shown(index, all(4), all(4)));
  assert.equal(
    watch.first.map(({ index }) => index),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
  assert.equal(
    watch.worst.slice(0, 3).map(({ index, score, wrong }) => [index, score, wrong]),
    [
      [2, 0, 8],
      [1, 0, 4],
      [4, 0.375, 2],
    ],
  );
  assert.is(watch.worst.length, 8);
  assert.not.ok(
    watch.worst.some(({ index }) => index === 3),
    'an image without a label cannot fail',
  );
  assert.is(watch.samples.length, 20);
  watch.hooks.counted(confusionMatrix(2), null);
  assert.is(watch.confusion?.classes, 2);
});

test('a watch keeps no more images for layer comparisons than give some thousand tokens', async () => {
  const watch = watchEvaluation(info, 1);
  const large = shown(0, all(3), all(3));
  large.sample = { ...large.sample, height: 32, width: 64 };
  for (let index = 0; index < 5; index++) await watch.hooks.show(large);
  assert.is(watch.samples.length, 2);
});

test('pictures of an example: what does not count is pale, the legend tells right from wrong', async () => {
  const truth = [0, 0, 15, 15, none, none, none, none];
  const prediction = [0, 0, 3, 3, 7, 7, 7, 7];
  const watch = watchEvaluation(info, 1);
  await watch.hooks.show(shown(0, truth, prediction, all(none)));
  const { panels, legend, score } = await examplePictures(watch.first[0], info);
  assert.equal(
    panels.map(({ title, alt }) => [title, alt]),
    [
      ['image', 'image image0'],
      ['truth', 'truth: aeroplane, pottedplant'],
      ['prediction', 'prediction: aeroplane, boat'],
      ['with background', 'with background: no class'],
    ],
  );
  assert.equal(
    legend.map(({ name, unseen, colour, role }) => [name, unseen, colour, role]),
    [
      ['aeroplane', false, '#800000', 'both'],
      ['boat', false, '#000080', 'prediction'],
      ['pottedplant', true, '#004000', 'truth'],
    ],
  );
  assert.ok(Math.abs(score! - 100 / 3) < 1e-9, `${score}`);
  const pixels = await pixelsOf(panels[2].uri);
  // grey 100 drawn 65 % towards 128, 0, 0; without a class 176 + 0.3 * 100
  assert.equal([...pixels.subarray(0, 3)], [118, 35, 35]);
  assert.equal([...pixels.subarray(12, 15)], [206, 206, 206]);
});

async function pixelsOf(uri: string): Promise<Buffer> {
  return sharp(Buffer.from(uri.slice('data:image/png;base64,'.length), 'base64'))
    .removeAlpha()
    .raw()
    .toBuffer();
}

test('the colour scale rises from violet to yellow, and pictures keep their pixels', async () => {
  const map = colourMap([0, 1, 0.4, 2], 2, 2);
  assert.equal([...map.data], [68, 1, 84, 253, 231, 37, 42, 120, 142, 253, 231, 37]);
  assert.equal([...(await pixelsOf(await pngUri(map)))], [...map.data]);
});

test('large pictures are shrunk, small ones stay', () => {
  assert.equal(shownSize(48, 30), { height: 48, width: 30 });
  assert.equal(shownSize(512, 1024), { height: 112, width: 224 });
});

test('the chosen patch lies on the largest class, nearest to its middle', () => {
  // class 5 has three pixels at the right, class 2 one
  const { sample } = shown(0, all(0), all(0));
  const truth = Uint8Array.from([2, none, none, 5, none, none, 5, 5]);
  assert.equal(choosePatch({ truth, sample }, 1, 2), { label: 5, row: 0, col: 1 });
  assert.equal(choosePatch({ truth, sample }, 2, 4), { label: 5, row: 1, col: 3 });
});

test('ticks are round, rise, and enclose what is drawn', () => {
  assert.equal(linearTicks(0, 40), [0, 10, 20, 30, 40]);
  assert.equal(logTicks([0.7, 15]), [0.5, 1, 2, 5, 10, 20]);
  assert.equal(logTicks([999999.999999999, 999999.999999999]), [5e5, 1e6]);
  const positive = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(positive, positive, (a, b) => {
      for (const ticks of [linearTicks(Math.min(0, a), Math.max(a, b)), logTicks([a, b])]) {
        assert.ok(ticks.length >= 2 && ticks.length <= 45, `${ticks}`);
        assert.ok(ticks[0] <= Math.min(a, b) && ticks.at(-1)! >= Math.max(a, b) * (1 - 1e-9), `${ticks}`);
        assert.ok(ticks.every((tick, i) => i === 0 || tick > ticks[i - 1]));
      }
    }),
  );
});

test('a logarithmic chart leaves out what has no logarithm', () => {
  const chart = (losses: number[]): string => {
    const points = losses.map((loss, step) => [step, loss] as const);
    const series = [{ name: 'dice', tone: 'seen', points }];
    return `${lineChart({ title: 'Loss', series, scale: 'log', lastStep: 3, format: String }).text}`;
  };
  assert.match(chart([2, 0, 4]), 'dice 4');
  assert.is(chart([2, 0, 4]).match(/<circle/g)!.length, 2);
  assert.match(chart([0, 0]), 'Loss: nothing above 0 was recorded.');
});

test("a run's log is read by kind; a line cut short at the end does not count", () => {
  const file = join(temporaryFolder(), 'log.jsonl');
  const loss = { step: 10, loss: 3, focal: 2, dice: 1, lr: 0.1 };
  const evaluation = { step: 10, eval: { hiou: null, seen: 4, unseen: 0 } };
  writeFileSync(
    file,
    `${JSON.stringify({ ...loss, imagesPerSecond: 7 })}\n${JSON.stringify(evaluation)}\n{"ste`,
  );
  assert.equal(readRunHistory(file), { losses: [loss], evaluations: [evaluation] });
});

test('a log that is missing or not of a run is an error that names file and line', () => {
  const file = join(temporaryFolder(), 'log.jsonl');
  assert.match(
    errorOf(DataError, () => readRunHistory(file)).message,
    `${file}: cannot be read: no such file`,
  );
  writeFileSync(file, '{"step":1,"loss":2,"focal":1,"dice":1,"lr":0}\n{"step":2}\n');
  const { message, hint } = errorOf(DataError, () => readRunHistory(file));
  assert.is(message, `${file}: line 2 is no record of a run: {"step":2}`);
  assert.is(hint, 'Remove this line; nothing else depends on it.');
});

test.run();
