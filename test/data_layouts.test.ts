import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../engine/errors.ts';
import { openDataset } from '../train/datasets/dataset.ts';
import { problemOf, temporaryFolder, writeSplit, writeVocTree } from './data_support.ts';
import { rejectionOf } from './error_of.ts';

const test = suite('data_layouts');

test('VOC: names in the order of the split, blank lines and carriage returns skipped', async () => {
  const root = await writeVocTree(2);
  writeSplit(root, 'val', ['b\r', '', ' a ']);
  const { info, split, items } = await openDataset('voc20', root, 'val');
  assert.equal([info.name, split], ['voc20', 'val']);
  assert.equal(items, [
    { name: 'b', image: join(root, 'JPEGImages/b.jpg'), mask: join(root, 'SegmentationClass/b.png') },
    { name: 'a', image: join(root, 'JPEGImages/a.jpg'), mask: join(root, 'SegmentationClass/a.png') },
  ]);
});

test('VOC trainaug: SBD masks, but the original ones of the training split', async () => {
  const root = await writeVocTree(1);
  writeSplit(root, 'trainaug', ['sbd', 'a0']);
  const { items } = await openDataset('voc20', root, 'trainaug');
  assert.equal(
    items.map(({ mask }) => mask),
    [join(root, 'SegmentationClassAug/sbd.png'), join(root, 'SegmentationClass/a0.png')],
  );
});

test('Pascal Context and COCO-Stuff layouts', async () => {
  const context = temporaryFolder();
  mkdirSync(join(context, 'ImageSets/SegmentationContext'), { recursive: true });
  writeFileSync(join(context, 'ImageSets/SegmentationContext/train.txt'), '2008_1\n');
  assert.equal((await openDataset('context59', context, 'train')).items, [
    {
      name: '2008_1',
      image: join(context, 'JPEGImages/2008_1.jpg'),
      mask: join(context, 'SegmentationClassContext/2008_1.png'),
    },
  ]);
  const coco = temporaryFolder();
  mkdirSync(join(coco, 'images/val2017'), { recursive: true });
  for (const file of ['02.jpg', '01.jpg', 'notes.txt']) writeFileSync(join(coco, 'images/val2017', file), '');
  assert.equal((await openDataset('coco171', coco, 'val2017')).items, [
    {
      name: '01',
      image: join(coco, 'images/val2017/01.jpg'),
      mask: join(coco, 'annotations/val2017/01_labelTrainIds.png'),
    },
    {
      name: '02',
      image: join(coco, 'images/val2017/02.jpg'),
      mask: join(coco, 'annotations/val2017/02_labelTrainIds.png'),
    },
  ]);
});

test('a missing root, a root that is a file', async () => {
  const missing = join(temporaryFolder(), 'nowhere');
  assert.match(
    await problemOf(missing, () => openDataset('voc20', missing, 'train')),
    /^no such file or folder \(ENOENT\)$/,
  );
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  assert.is(await problemOf(file, () => openDataset('voc20', file, 'train')), 'is a file, wanted a folder');
});

test('a missing split names those there are; an empty or malformed one is refused', async () => {
  const root = await writeVocTree(1);
  const list = (split: string) => join(root, 'ImageSets', 'Segmentation', `${split}.txt`);
  const missing = await rejectionOf(DataError, () => openDataset('voc20', root, 'tran'));
  assert.is(missing.message, `${list('tran')}: no such file or folder (ENOENT)`);
  assert.is(missing.hint, 'Splits there: train.');
  writeSplit(root, 'none', ['', '  ']);
  assert.is(await problemOf(list('none'), () => openDataset('voc20', root, 'none')), 'lists no image');
  writeSplit(root, 'pairs', ['a0', '/JPEGImages/a0.jpg /SegmentationClass/a0.png']);
  assert.match(
    await problemOf(list('pairs'), () => openDataset('voc20', root, 'pairs')),
    /^line 2 is '.*', wanted one image name$/,
  );
  const coco = temporaryFolder();
  const images = join(coco, 'images', 'train2017');
  assert.match(
    await problemOf(images, () => openDataset('coco171', coco, 'train2017')),
    /^no such file or folder/,
  );
  mkdirSync(images, { recursive: true });
  assert.is(await problemOf(images, () => openDataset('coco171', coco, 'train2017')), 'holds no .jpg file');
});

test.run();
