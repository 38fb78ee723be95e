import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../../../engine/errors.ts';
import { type Dataset, openDataset } from '../../../train/data/datasets/dataset.ts';
import {
  type Batch,
  createEvalLoader,
  createTrainLoader,
  type EvalSample,
  type TrainLoaderOptions,
} from '../../../train/data/loader.ts';
import { rejectionOf } from '../../support/error_of.ts';
import { projectPath } from '../../support/paths.ts';
import { smallAugment, temporaryFolder, writeMask, writeVocTree } from './support.ts';

const test = suite('data_loader');
const root = await writeVocTree(7);
const dataset = await openDataset('voc20', root, 'train');

const options = (change: Partial<TrainLoaderOptions> = {}): TrainLoaderOptions => ({
  dataset,
  workers: 0,
  prefetch: 2,
  mode: 'inductive',
  seed: 3,
  batch: 3,
  augment: smallAugment,
  ...change,
});

/** The first batches of a loader, without their times. */
async function take(count: number, change: Partial<TrainLoaderOptions> = {}) {
  const loader = createTrainLoader(options(change));
  const batches: Omit<Batch, 'waitMs'>[] = [];
  for (let index = 0; index < count; index++) {
    const { waitMs: _, ...batch } = await loader.next();
    batches.push(batch);
  }
  await loader.close();
  return batches;
}

async function takeAll(change: Partial<Parameters<typeof createEvalLoader>[0]> = {}): Promise<EvalSample[]> {
  const loader = createEvalLoader({ dataset, workers: 0, prefetch: 2, shortSide: 24, ...change });
  const samples: EvalSample[] = [];
  for await (const sample of loader.samples()) samples.push(sample);
  assert.is(samples.length, loader.length);
  await loader.close();
  return samples;
}

const reference = await take(6);

test('a batch has the shapes asked for, labels of the seen classes and the names of its images', () => {
  for (const [step, { images, labels, names, ...rest }] of reference.entries()) {
    assert.is(rest.step, step);
    assert.is(images.length, 3 * 3 * 32 * 32);
    assert.is(labels.length, 3 * 32 * 32);
    assert.is(names.length, 3);
    // Masks hold background, class 2 (seen) and class 15 (novel): only the seen one stays.
    assert.ok([...new Set(labels)].every((label) => label === 2 || label === 255));
    assert.ok(images.some((value) => value !== 0) && images.every(Number.isFinite));
  }
  assert.ok(reference.some(({ labels }) => labels.includes(2)));
});

test('transductive batches mark novel classes as unlabelled', async () => {
  const [batch] = await take(1, { mode: 'transductive', batch: 7 });
  assert.equal(
    [...new Set(batch!.labels)].sort((a, b) => a - b),
    [-1, 2, 255],
  );
});

test('every epoch holds each image once, in an order of its own', () => {
  const order = reference.flatMap(({ names }) => names);
  const epochs = [order.slice(0, 7), order.slice(7, 14)];
  const names = dataset.items.map(({ name }) => name);
  for (const epoch of epochs) assert.equal([...epoch].sort(), names);
  assert.is.not(epochs[0]!.join(), epochs[1]!.join());
  assert.is.not(epochs[0]!.join(), names.join());
});

test('an image looks different in the next epoch', async () => {
  const sample = (seed: number) =>
    take(2, { batch: 1, seed, dataset: { ...dataset, items: [dataset.items[0]!] } });
  const [first, second] = await sample(1);
  assert.is.not(first!.images.join(), second!.images.join());
  assert.equal(await sample(1), [first, second]);
  assert.is.not((await sample(2))[0]!.images.join(), first!.images.join());
});

test('samples do not depend on the batch size: small batches join to large ones', async () => {
  const large = await take(1, { batch: 6 });
  const joined = [...reference[0]!.images, ...reference[1]!.images];
  assert.equal([...large[0]!.images], joined);
  assert.equal(large[0]!.names, [...reference[0]!.names, ...reference[1]!.names]);
});

for (const workers of [0, 1, 2]) {
  test(`${workers} threads give the same batches, from the start and from any batch on`, async () => {
    const loader = createTrainLoader(options({ workers, prefetch: workers + 1 }));
    const takeFrom = async (start: number, end: number) => {
      for (let step = start; step < end; step++) {
        const { waitMs, ...batch } = await loader.next();
        assert.ok(waitMs >= 0);
        assert.equal(batch, reference[step]);
      }
    };
    await takeFrom(0, 6);
    loader.startAt(4);
    await takeFrom(4, 6);
    loader.startAt(1);
    await takeFrom(1, 2);
    await loader.close();
    if (workers === 0) return;
    const error = await rejectionOf(Error, async () => {
      for (;;) await loader.next();
    });
    assert.match(error.message, /threads that prepare data were closed/);
  });
}

/** The dataset with one more tree whose item number `bad` is spoilt. */
async function spoiltTree(spoil: (item: Dataset['items'][number]) => void): Promise<Dataset> {
  const spoilt = await openDataset('voc20', await writeVocTree(7), 'train');
  spoil(spoilt.items[4]!);
  return spoilt;
}

const spoilers: [string, (item: Dataset['items'][number]) => string, RegExp][] = [
  [
    'a truncated image',
    ({ image }) => {
      const bytes = readFileSync(image);
      writeFileSync(image, bytes.subarray(0, bytes.length >> 1));
      return image;
    },
    /cannot be decoded as an image/,
  ],
  [
    'a missing mask',
    ({ mask }) => {
      rmSync(mask);
      return mask;
    },
    /no such file or folder/,
  ],
  [
    'a wrong label',
    ({ mask }) => {
      writeMask(mask, { width: 52, height: 41 }, () => 33);
      return mask;
    },
    /value 33 at row 0, column 0, wanted 0..20 or 255/,
  ],
];
for (const workers of [0, 2]) {
  for (const [what, spoil, cause] of workers === 0 ? spoilers : spoilers.slice(2)) {
    test(`${workers} threads: ${what} is a DataError at the batch that holds it, not before or after`, async () => {
      let file = '';
      const spoilt = await spoiltTree((item) => {
        file = spoil(item);
      });
      const bad = reference.findIndex(({ names }) => names.includes(spoilt.items[4]!.name));
      const loader = createTrainLoader(options({ dataset: spoilt, workers, prefetch: 3 }));
      for (let step = 0; step < bad; step++)
        assert.equal((await loader.next()).names, reference[step]!.names);
      const error = await rejectionOf(DataError, () => loader.next());
      assert.is(error.file, file);
      assert.ok(error.message.startsWith(`${file}: `), error.message);
      assert.match(error.message, cause);
      assert.ok(error.hint.length > 0);
      assert.is((await loader.next()).step, bad + 1);
      await loader.close();
    });
  }
}

test('evaluation: all images in order, resized, with truth and pixels as stored', async () => {
  const samples = await takeAll();
  assert.equal(
    samples.map(({ name }) => name),
    dataset.items.map(({ name }) => name),
  );
  for (const sample of samples) {
    assert.is(Math.min(sample.height, sample.width), 24);
    assert.is(sample.image.length, 3 * sample.height * sample.width);
    assert.is(sample.truth.length, sample.originalHeight * sample.originalWidth);
    assert.is(sample.rgb.length, 3 * sample.truth.length);
    assert.equal(
      [...new Set(sample.truth)].sort((a, b) => a - b),
      [0, 3, 16],
    );
  }
  // a1 is 43 x 35.
  assert.equal([samples[1]!.originalWidth, samples[1]!.originalHeight, samples[1]!.width], [43, 35, 29]);
});

test('evaluation: threads, a cache and a second pass change nothing; maxImages cuts', async () => {
  const samples = await takeAll();
  assert.equal(await takeAll({ maxImages: 3 }), samples.slice(0, 3));
  const loader = createEvalLoader({ dataset, workers: 2, prefetch: 3, shortSide: 24 });
  for (const _ of [1, 2]) {
    const pass: EvalSample[] = [];
    for await (const sample of loader.samples()) pass.push(sample);
    assert.equal(pass, samples);
  }
  await loader.close();
});

test('evaluation: an image at its own short side is only normalised', async () => {
  const [sample] = await takeAll({ shortSide: 33, maxImages: 1 });
  const { image, rgb, height, width } = sample!;
  assert.equal([height, width], [33, 40]);
  for (const [channel, [mean, std]] of [
    [123.675, 58.395],
    [116.28, 57.12],
    [103.53, 57.375],
  ].entries()) {
    const value = (rgb[5 * 3 + channel]! - mean!) / std!;
    assert.is(image[channel * height * width + 5], Math.fround(value));
  }
});

test('a process with idle threads ends by itself, from any folder', () => {
  const module = (name: string) => pathToFileURL(projectPath('train/data', name));
  const script = `
    import { openDataset } from '${module('datasets/dataset.ts')}';
    import { createTrainLoader } from '${module('loader.ts')}';
    const dataset = await openDataset('voc20', ${JSON.stringify(root)}, 'train');
    const loader = createTrainLoader({ ...${JSON.stringify(options({ workers: 2 }))}, dataset });
    console.log((await loader.next()).names.join());`;
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'main.mts'), script);
  const tsx = projectPath('node_modules/tsx/dist/cli.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsx, join(folder, 'main.mts')], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.is(status, 0, stderr);
  assert.is(stdout.trim(), reference[0]!.names.join());
});

test.run();
