import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../../../engine/errors.ts';
import { openDataset } from '../../../train/data/datasets/dataset.ts';
import { rejectionOf } from '../../support/error_of.ts';
import { problemOf, temporaryFolder, writeSplit, writeVocTree } from './support.ts';

const test = suite('data_layouts');

test('VOC: names in the order of the split, blank lines and carriage returns skipped', async () => {
  const root = await writeVocTree(2);
  writeSplit(root, 'val', ['a1\r', '', ' a0 ']);
  const { info, split, items } = await openDataset('voc20', root, 'val');
  assert.equal([info.name, split], ['voc20', 'val']);
  assert.equal(items, [
    { name: 'a1', image: join(root, 'JPEGImages/a1.jpg'), mask: join(root, 'SegmentationClass/a1.png') },
    { name: 'a0', image: join(root, 'JPEGImages/a0.jpg'), mask: join(root, 'SegmentationClass/a0.png') },
  ]);
});

test('VOC trainaug: SBD masks, but the original ones of the training split', async () => {
  const root = await writeVocTree(1);
  writeSplit(root, 'trainaug', ['sbd', 'a0']);
  mkdirSync(join(root, 'SegmentationClassAug'));
  writeEmpty(root, 'JPEGImages/sbd.jpg', 'SegmentationClassAug/sbd.png');
  const { items } = await openDataset('voc20', root, 'trainaug');
  assert.equal(
    items.map(({ mask }) => mask),
    [join(root, 'SegmentationClassAug/sbd.png'), join(root, 'SegmentationClass/a0.png')],
  );
});

test('VOC trainaug without what SBD adds: where that comes from, and the small alternative', async () => {
  const root = await writeVocTree(1);
  const noList = await rejectionOf(DataError, () => openDataset('voc20', root, 'trainaug'));
  assert.is(noList.message, `${join(root, 'ImageSets/Segmentation/trainaug.txt')}: there is no such file`);
  assert.match(noList.hint, /SBD.*voc_aug\.py.*--set data\.trainSplit=train/s);
  writeSplit(root, 'trainaug', ['sbd', 'a0']);
  const noMasks = await rejectionOf(DataError, () => openDataset('voc20', root, 'trainaug'));
  assert.is(noMasks.message, `${join(root, 'SegmentationClassAug')}: there is no such folder`);
  assert.is(noMasks.hint, noList.hint);
});

/** Files whose content does not matter. */
function writeEmpty(root: string, ...files: string[]): void {
  for (const file of files) writeFileSync(join(root, file), '');
}

/** A new folder with folders below it. */
function treeOf(...folders: string[]): string {
  const root = temporaryFolder();
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  return root;
}

test('Pascal Context and COCO-Stuff layouts', async () => {
  const context = treeOf('JPEGImages', 'SegmentationClassContext', 'ImageSets/SegmentationContext');
  writeFileSync(join(context, 'ImageSets/SegmentationContext/train.txt'), '2008_1\n');
  writeEmpty(context, 'JPEGImages/2008_1.jpg', 'SegmentationClassContext/2008_1.png');
  assert.equal((await openDataset('context59', context, 'train')).items, [
    {
      name: '2008_1',
      image: join(context, 'JPEGImages/2008_1.jpg'),
      mask: join(context, 'SegmentationClassContext/2008_1.png'),
    },
  ]);
  const coco = treeOf('images/val2017', 'annotations/val2017');
  for (const file of ['02.jpg', '01.jpg', 'notes.txt']) writeEmpty(coco, `images/val2017/${file}`);
  for (const name of ['01', '02']) writeEmpty(coco, `annotations/val2017/${name}_labelTrainIds.png`);
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

test('files that are missing are found when a split is opened: how many, and the first', async () => {
  const root = await writeVocTree(6);
  for (const index of [0, 2, 3, 5]) rmSync(join(root, `SegmentationClass/a${index}.png`));
  assert.is(
    await problemOf(join(root, 'SegmentationClass'), () => openDataset('voc20', root, 'train')),
    '4 of 6 masks are missing: a0.png, a2.png, a3.png, ...',
  );
  rmSync(join(root, 'JPEGImages/a4.jpg'));
  assert.is(
    await problemOf(join(root, 'JPEGImages'), () => openDataset('voc20', root, 'train')),
    '1 of 6 images are missing: a4.jpg',
  );
});

test('COCO-Stuff whose masks were not converted: by what they are', async () => {
  const root = treeOf('images/val2017', 'annotations/val2017');
  writeEmpty(root, 'images/val2017/01.jpg', 'annotations/val2017/01.png');
  const open = () => rejectionOf(DataError, () => openDataset('coco171', root, 'val2017'));
  const raw = await open();
  const masks = join(root, 'annotations/val2017');
  assert.is(raw.message, `${masks}: 1 of 1 masks are missing: 01_labelTrainIds.png`);
  assert.match(raw.hint, /01\.png is there.*was not converted: mmsegmentation's coco_stuff164k\.py/);
  rmSync(join(masks, '01.png'));
  assert.not.match((await open()).hint, 'converted');
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

test('a root that is too high or too deep names the right one; every hint shows the layout', async () => {
  const voc = ['JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'];
  const top = treeOf(...voc.map((folder) => `VOCdevkit/VOC2012/${folder}`), 'VOCdevkit/other');
  const right = join(top, 'VOCdevkit', 'VOC2012');
  for (const root of [top, join(top, 'VOCdevkit'), join(right, 'ImageSets', 'Segmentation')]) {
    const { message, hint } = await rejectionOf(DataError, () => openDataset('voc20', root, 'train'));
    assert.is(message, `${root}: has no folder ${voc.join(', no ')}`);
    assert.match(hint, 'JPEGImages/NAME.jpg, SegmentationClass/NAME.png, ImageSets/Segmentation/SPLIT.txt');
    assert.ok(hint.endsWith(`It lies in ${right}: --data-root ${right}`), hint);
  }
  const context = await rejectionOf(DataError, () => openDataset('context59', right, 'train'));
  assert.is(
    context.message,
    `${right}: has no folder SegmentationClassContext, no ImageSets/SegmentationContext`,
  );
  assert.match(context.hint, /SegmentationClassContext\/NAME\.png.*SPLIT\.txt\.$/);
  const coco = await rejectionOf(DataError, () => openDataset('coco171', right, 'train2017'));
  assert.match(coco.hint, 'annotations/SPLIT/NAME_labelTrainIds.png');
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
  const coco = treeOf('images/val2017', 'annotations/train2017');
  const images = join(coco, 'images', 'train2017');
  const noSplit = await rejectionOf(DataError, () => openDataset('coco171', coco, 'train2017'));
  assert.is(noSplit.message, `${images}: there is no such folder`);
  assert.is(noSplit.hint, 'Splits there: val2017.');
  mkdirSync(images);
  assert.is(await problemOf(images, () => openDataset('coco171', coco, 'train2017')), 'holds no .jpg file');
});

test.run();
