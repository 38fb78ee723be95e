import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError } from '../../../engine/errors.ts';
import { HelpRequest } from '../../../engine/host/command.ts';
import { Random } from '../../../engine/random.ts';
import { experimentCommand, readExperiment } from '../../../train/commands/experiment.ts';
import type { Surroundings } from '../../../train/commands/surroundings.ts';
import { datasetInfo } from '../../../train/data/datasets/info.ts';
import { runControls } from '../../../train/experiment/controls.ts';
import { bestThreshold, type DenseImage, denseReport } from '../../../train/experiment/controls_dense.ts';
import { derangement, permuteRows, shuffleMasks } from '../../../train/experiment/controls_disturb.ts';
import { gateTable, judge } from '../../../train/experiment/controls_gates.ts';
import {
  type Figures,
  figureTable,
  formatSummary,
  type Row,
  summarise,
} from '../../../train/experiment/figures.ts';
import { openSeries } from '../../../train/experiment/series.ts';
import { errorOf } from '../../support/error_of.ts';
import { silentProgress } from '../pretrain/support.ts';
import { tinySettings, writeTinyClip } from './support.ts';

const test = suite('controls');
const folder = mkdtempSync(join(tmpdir(), 'controls-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const figures = (
  seen: number | null,
  unseen: number | null,
  hiou: number | null,
  background = hiou,
): Figures => ({
  seen,
  unseen,
  hiou,
  background,
});
const row = (key: string, ...values: Figures[]): Row => ({ key, title: `the ${key}`, figures: values });

test('a derangement moves everything along one cycle and depends on its seed alone', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(), (count, seed) => {
      const order = derangement(count, new Random(seed));
      let [at, steps] = [0, 0];
      do {
        at = order[at]!;
        steps++;
      } while (at !== 0 && steps <= count);
      assert.is(steps, count);
      assert.equal(order, derangement(count, new Random(seed)));
    }),
  );
  assert.throws(() => derangement(1, new Random(0)), /cannot change places/);
});

test('shuffled masks: the same images and masks, none of them together', () => {
  const items = Array.from({ length: 20 }, (_, i) => ({ name: `${i}`, image: `i${i}`, mask: `m${i}` }));
  const dataset = { info: datasetInfo('voc20'), split: 'train', items };
  const shuffled = shuffleMasks(dataset, 4).items;
  assert.equal(
    shuffled.map(({ image }) => image),
    items.map(({ image }) => image),
  );
  assert.equal(shuffled.map(({ mask }) => mask).sort(), items.map(({ mask }) => mask).sort());
  assert.ok(shuffled.every(({ image, mask }) => image.slice(1) !== mask.slice(1)));
  assert.is(items[0]!.mask, 'm0', 'the data set itself stays');
  assert.not.equal(shuffled, shuffleMasks(dataset, 5).items);
});

test('permuted text: unseen classes change rows among each other, the others keep theirs', () => {
  const data = Float32Array.from({ length: 12 }, (_, i) => i);
  const { data: permuted, shape } = permuteRows({ dtype: 'F32', shape: [6, 2], data }, [1, 3, 5], 0);
  const rowsOf = (values: ArrayLike<number>) =>
    [0, 1, 2, 3, 4, 5].map((id) => `${values[2 * id]},${values[2 * id + 1]}`);
  const [before, after] = [rowsOf(data), rowsOf(permuted as Float32Array)];
  assert.equal(shape, [6, 2]);
  for (const id of [0, 2, 4]) assert.is(after[id], before[id]);
  for (const id of [1, 3, 5]) assert.is.not(after[id], before[id]);
  assert.equal([...after].sort(), [...before].sort());
});

test('mean and spread over seeds', () => {
  assert.equal(summarise([2, 4, 6]), { mean: 4, spread: 2 });
  assert.equal(summarise([5]), { mean: 5, spread: null });
  assert.equal(summarise([5, null]), { mean: null, spread: null });
  assert.equal(summarise([]), { mean: null, spread: null });
  assert.equal([summarise([2, 4, 6]), summarise([5]), summarise([])].map(formatSummary), [
    '4.0 +- 2.0',
    '5.0',
    '-',
  ]);
  const table = figureTable([row('a', figures(30, 40, 34), figures(32, 44, 36, null))]);
  assert.match(table, /the a +2 +31\.0 \+- 1\.4 +42\.0 \+- 2\.8 +35\.0 \+- 1\.4 +-$/m);
});

test('gates: the limits themselves pass, what is undefined does not', () => {
  const rows = [
    row('trained', figures(36, 35, 33, 22), figures(36, 35, 35, 22)),
    row('dense_clip', figures(1, 1, 1, 11.5)),
    row('random_tower', figures(1, 1, 10)),
    row('shuffled_masks', figures(1, 1, 10.1)),
    row('permuted_text', figures(1, 3, null)),
  ];
  const judged = judge(rows);
  assert.equal(
    judged.map(({ title, pass }) => [title, pass]),
    [
      ['the trained: hIoU', true],
      ['the trained: hIoU with background', true],
      ['the trained: unseen mIoU', true],
      ['the trained: hIoU with background', false],
      ['the random_tower: hIoU', true],
      ['the shuffled_masks: hIoU', false],
      ['the permuted_text: hIoU', false],
      ['the permuted_text: unseen mIoU', true],
    ],
  );
  assert.match(
    gateTable(judged),
    /FAIL +the trained: hIoU with background +22\.0 +at least 23\.0 \(2 x the dense_clip\)/,
  );
  assert.ok(judge([]).every(({ pass }) => !pass));
});

test('dense CLIP: the threshold parts background from objects, the scores follow', () => {
  const info = datasetInfo('voc20');
  const [seen, unseen] = [info.seen[0]!, info.novel[0]!];
  const truth = Uint8Array.of(0, 0, 0, seen + 1, seen + 1, unseen + 1, unseen + 1, 255);
  const best = Uint8Array.of(seen, unseen, seen, seen, seen, unseen, seen, unseen);
  const cosine = Float32Array.of(0.1, 0.12, 0.11, 0.5, 0.6, 0.7, 0.55, 0.1);
  const images: DenseImage[] = [{ truth, best, cosine }];
  const plain = denseReport(images, info, null);
  assert.equal(
    [plain.seen, plain.unseen],
    [66.6667, 50],
    'two of three, one of two; background does not count',
  );
  const threshold = bestThreshold(images, info);
  assert.ok(threshold > 0.12 && threshold <= 0.5, `${threshold}`);
  const whole = denseReport(images, info, threshold);
  assert.is(whole.classes.length, 21);
  assert.is(whole.classes[0]!.iou, 100);
  assert.equal([whole.seen, whole.unseen], [83.3333, 50]);
  assert.is(denseReport(images, info, 2).classes[0]!.iou, 42.8571, 'all background: three of seven');
});

test('a series tells results, time and what is left', async () => {
  const progress = silentProgress();
  let now = 0;
  const series = openSeries(2, progress, () => now);
  for (const name of ['one', 'two']) {
    await series.run(
      name,
      async () => {
        now += 90;
      },
      () => figures(1, 2.25, null),
    );
  }
  assert.equal(progress.notes, [
    '1/2 one: seen 1.0, unseen 2.3, hIoU -, with background - (1:30; about 1:30 left)',
    '2/2 two: seen 1.0, unseen 2.3, hIoU -, with background - (1:30)',
  ]);
});

const around = (there: string[]): Surroundings => ({
  exists: (path) => there.includes(path),
  entries: () => [],
  modified: () => 0,
  savedConfig: () => assert.unreachable() as never,
  now: () => new Date(0),
});
const mini = 'train/embedded/mini_clip.safetensors';
const read = (line: string, there = [mini]) =>
  readExperiment(experimentCommand('controls', 'x'), line.split(' ').filter(Boolean), around(there));
const refusal = (line: string, there?: string[]): string => {
  const { message, hint } = errorOf(ConfigError, () => read(line, there));
  return `${message} | ${hint}`;
};

test('the command line', () => {
  const usual = read('');
  assert.equal([usual.seeds, usual.json, usual.config.data.valSplit], [[0, 1, 2], null, 'val']);
  assert.equal([usual.config.data.clip, usual.config.schedule.maxIters], [mini, 380]);
  const own = read('--seeds 4,7 --max-iters 30 --split tune --json out.json --set eval.maxImages=5');
  assert.equal([own.seeds, own.config.seed, own.json], [[4, 7], 4, 'out.json']);
  assert.equal(
    [own.config.schedule.maxIters, own.config.schedule.warmupIters, own.config.data.valSplit],
    [30, 6, 'tune'],
  );
  assert.throws(
    () => read('--help'),
    (error: unknown) => error instanceof HelpRequest && /--seeds/.test(error.text),
  );
});

test('what is wrong is named, with what to do', () => {
  for (const seeds of ['0,0', '1,x', '-1', '1.5', '1,,2'])
    assert.match(refusal(`--seeds ${seeds}`), /--seeds .*whole numbers/);
  assert.match(refusal('--set seed=3'), /--set seed=3: seed is not free here \| Use --seeds/);
  assert.match(refusal('--set data.embedded=false'), /data\.embedded is not free here/);
  assert.match(refusal('', ['.']), /no miniature CLIP.*mini_clip\.safetensors \| .*pretrain:clip/);
  assert.match(refusal('--clip nowhere', [mini]), /nowhere: there is no such file/);
  const { message } = errorOf(DataError, () => read('--json no/where.json'));
  assert.match(message, 'no/where.json: cannot be written, no: no such file or folder');
  assert.match(refusal('--max-iters some'), /schedule\.maxIters/);
});

test('a run of the tiny model gives every row, every gate and exit code 1', async () => {
  const clip = await writeTinyClip(folder);
  const json = join(folder, 'controls.json');
  const argv = ['--clip', clip, '--seeds', '3', '--max-iters', '2', '--json', json, ...tinySettings];
  const request = readExperiment(experimentCommand('controls', 'x'), argv);
  const progress = silentProgress();
  assert.is(await runControls(request, progress), 1);
  const output = progress.notes.join('\n');
  assert.match(output, /3\/3 seed 3, masks shuffled across images: seen/);
  assert.match(output, /FAIL +trained model: hIoU +\d/);
  const { rows, gates, seeds, config } = JSON.parse(readFileSync(json, 'utf8'));
  assert.equal(seeds, [3]);
  assert.is(config.model.vision.width, 32);
  assert.is(gates.length, 8);
  const of = (key: string): Figures => rows.find((found: Row) => found.key === key).figures[0];
  const keys = ['trained', 'dense_clip', 'random_tower', 'permuted_text', 'shuffled_masks', 'unseen_style'];
  for (const key of keys) assert.type(of(key).hiou, 'number', key);
  for (const key of keys.filter((name) => name !== 'trained')) assert.not.equal(of(key), of('trained'), key);
  assert.ok(existsSync('.cache/embedded/48-openmoji/VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt'));
});

test.run();
