import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../../../engine/errors.ts';
import { voc20 } from '../../../train/data/datasets/voc20.ts';
import { loadAtlas } from '../../../train/embedded/atlas.ts';
import { ensureEmbeddedVoc, splitScenes } from '../../../train/embedded/generate.ts';
import { vocColours } from '../../../train/embedded/label_png.ts';

const test = suite('embedded_voc');
const directory = mkdtempSync(join(tmpdir(), 'embedded-voc-'));
test.after(() => rmSync(directory, { recursive: true }));

const atlas = loadAtlas();
const options = { seed: 5, size: 48, trainCount: 45, valCount: 20, tuneCount: 4, atlas };
const ensure = (name: string, change: Partial<typeof options> = {}) =>
  ensureEmbeddedVoc(join(directory, name), { ...options, ...change });

const treeDigest = (root: string): string => {
  const hash = createHash('sha256');
  for (const name of (readdirSync(root, { recursive: true }) as string[]).sort()) {
    const file = join(root, name);
    hash.update(name);
    if (statSync(file).isFile()) hash.update(readFileSync(file));
  }
  return hash.digest('hex');
};
const list = (root: string, split: string): string[] =>
  readFileSync(join(root, 'ImageSets', 'Segmentation', `${split}.txt`), 'utf8')
    .split('\n')
    .filter(Boolean);
const maskOf = (root: string, name: string) =>
  decode(readFileSync(join(root, 'SegmentationClass', `${name}.png`)), { checkCrc: true });
const labelsOf = (root: string, split: string): Set<number> =>
  new Set(list(root, split).flatMap((name) => [...maskOf(root, name).data]));

test('the tree is laid out as VOC 2012', async () => {
  const root = await ensure('layout');
  assert.is(root, join(directory, 'layout', 'VOCdevkit', 'VOC2012'));
  assert.equal(readdirSync(root).sort(), ['ImageSets', 'JPEGImages', 'SegmentationClass']);
  assert.equal(
    ['train', 'val', 'tune'].map((split) => list(root, split).length),
    [45, 20, 4],
  );
  const names = ['train', 'val', 'tune'].flatMap((split) => list(root, split)).sort();
  assert.is(new Set(names).size, 69);
  assert.equal(
    readdirSync(join(root, 'JPEGImages')).sort(),
    names.map((name) => `${name}.jpg`),
  );
  assert.equal(
    readdirSync(join(root, 'SegmentationClass')).sort(),
    names.map((name) => `${name}.png`),
  );
  assert.equal(readdirSync(join(directory, 'layout')), ['VOCdevkit']);
});

test('training scenes show all seen classes and no other, the rest shows all twenty', async () => {
  const root = await ensure('layout');
  const seen = voc20.classes.map((_, id) => id).filter((id) => !voc20.novel.includes(id));
  const sorted = (labels: Set<number>) => [...labels].sort((a, b) => a - b);
  assert.equal(sorted(labelsOf(root, 'train')), [0, ...seen.map((id) => id + 1)]);
  assert.equal(
    sorted(labelsOf(root, 'val')),
    Array.from({ length: 21 }, (_, label) => label),
  );
});

test('mask files are palette PNGs of the drawn labels in VOC colours', async () => {
  const root = await ensure('layout');
  for (const [split, index] of [
    ['train', 7],
    ['val', 3],
    ['tune', 0],
  ] as const) {
    const scene = splitScenes(atlas, options, split)(index);
    const png = maskOf(root, list(root, split)[index]);
    assert.equal([png.width, png.height, png.depth, png.channels], [48, 48, 8, 1]);
    assert.equal(Uint8Array.from(png.data), scene.mask);
    assert.equal(
      png.palette,
      vocColours.map((colour) => [...colour]),
    );
  }
  assert.equal(vocColours.slice(0, 4), [
    [0, 0, 0],
    [128, 0, 0],
    [0, 128, 0],
    [128, 128, 0],
  ]);
});

test('photographs are JPEGs close to the drawn scene, without colour subsampling', async () => {
  const root = await ensure('layout');
  const scene = splitScenes(atlas, options, 'val')(3);
  const file = join(root, 'JPEGImages', `${list(root, 'val')[3]}.jpg`);
  const meta = await sharp(file).metadata();
  assert.equal([meta.format, meta.width, meta.height, meta.chromaSubsampling], ['jpeg', 48, 48, '4:4:4']);
  const pixels = await sharp(file).raw().toBuffer();
  const error = scene.rgb.reduce((sum, value, i) => sum + Math.abs(value - pixels[i]), 0) / pixels.length;
  assert.ok(error < 4, `mean error ${error}`);
});

test('the same options give the same bytes, another seed or split other scenes', async () => {
  const first = treeDigest(await ensure('layout'));
  assert.is(treeDigest(await ensure('again')), first);
  assert.is.not(treeDigest(await ensure('seed', { seed: 6, trainCount: 2, valCount: 2 })), first);
  const val = splitScenes(atlas, options, 'val')(0);
  assert.not.equal(splitScenes(atlas, options, 'tune')(0).rgb, val.rgb);
});

const small = { trainCount: 3, valCount: 2, tuneCount: 1 };

test('a complete cache is left alone', async () => {
  const root = await ensure('kept', small);
  const before = statSync(root).ino;
  await ensure('kept', small);
  assert.is(statSync(root).ino, before);
});

test('a damaged, incomplete, enlarged or outdated cache is drawn anew', async () => {
  const root = await ensure('stale', small);
  const good = treeDigest(root);
  const manifest = join(root, '..', 'manifest.json');
  const image = join(root, 'JPEGImages', 'train_00001.jpg');
  const damages: Record<string, () => void> = {
    'flipped bit': () => {
      const bytes = readFileSync(image);
      bytes[bytes.length >> 1] ^= 1;
      writeFileSync(image, bytes);
    },
    truncated: () => writeFileSync(image, readFileSync(image).subarray(0, 100)),
    missing: () => rmSync(join(root, 'SegmentationClass', 'val_00000.png')),
    extra: () => writeFileSync(join(root, 'JPEGImages', 'more.jpg'), 'x'),
    'damaged manifest': () => writeFileSync(manifest, '{"key":'),
    'other version': () =>
      writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/"key": "./, '"key": "x')),
  };
  for (const [name, damage] of Object.entries(damages)) {
    damage();
    await ensure('stale', small);
    assert.is(treeDigest(root), good, name);
  }
  await ensure('stale', { ...small, size: 32 });
  assert.is(maskOf(root, 'val_00000').width, 32);
  assert.equal(readdirSync(join(directory, 'stale')), ['VOCdevkit']);
});

test('processes that draw at the same time agree on one tree', async () => {
  const roots = await Promise.all([0, 1, 2].map(() => ensure('race', small)));
  assert.is(new Set(roots).size, 1);
  assert.is(treeDigest(roots[0]), treeDigest(await ensure('stale', small)));
  assert.equal(readdirSync(join(directory, 'race')), ['VOCdevkit']);
});

test('a folder of somebody else is never replaced', async () => {
  const foreign = join(directory, 'foreign', 'VOCdevkit');
  mkdirSync(join(foreign, 'VOC2012'), { recursive: true });
  const error = await ensure('foreign', small).then(
    () => assert.unreachable(),
    (reason) => reason,
  );
  assert.instance(error, DataError);
  assert.is(error.file, foreign);
  assert.match(error.message, 'not a cache of the embedded data set');
  assert.ok(existsSync(join(foreign, 'VOC2012')));
});

test('an atlas of other drawings gives another data set', async () => {
  const root = await ensure('stale', small);
  const before = treeDigest(root);
  const pixels = atlas.pixels.map((value, i) => (i % 4 === 3 ? value : 0.5 * value));
  const darker = { ...atlas, pixels, sources: [new Uint8Array([1])] };
  await ensure('stale', { ...small, atlas: darker });
  assert.is.not(treeDigest(root), before);
});

test.run();
