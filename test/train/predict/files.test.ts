import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError } from '../../../engine/errors.ts';
import { readImage } from '../../../train/data/image/decode.ts';
import { earlierResults, removeEarlier } from '../../../train/predict/earlier.ts';
import { listPictures, othersText, pictureEndings, requireApart } from '../../../train/predict/pictures.ts';
import { resultFolders } from '../../../train/predict/results.ts';
import { errorOf } from '../../support/error_of.ts';
import { temporaryFolder } from '../data/support.ts';

/** Which files a prediction takes, and which of an earlier one it removes. */
const test = suite('files of a prediction');

test('pictures: folders by name, files as they are, each once, no two results of one name', () => {
  const root = temporaryFolder();
  for (const folder of ['a', 'b', 'a/deeper', 'empty']) mkdirSync(join(root, folder), { recursive: true });
  for (const name of [
    'a/x.jpg',
    'a/X.png',
    'a/x-2.JPEG',
    'a/note.txt',
    'a/.hidden.png',
    'b/x.png',
    'b/y.tif',
  ])
    writeFileSync(join(root, name), '');
  const { pictures: found, others } = listPictures([
    join(root, 'a'),
    join(root, 'b', 'y.tif'),
    join(root, 'b'),
    join(root, 'a/x.jpg'),
  ]);
  assert.equal(
    found.map(({ file, name }) => [file.slice(root.length + 1), name]),
    [
      ['a/X.png', 'X'],
      ['a/x-2.JPEG', 'x-2'],
      ['a/x.jpg', 'x-3'],
      ['b/y.tif', 'y'],
      ['b/x.png', 'x-4'],
    ],
  );
  assert.equal(others, { files: 2, folders: 1 }, 'a note, a hidden file and a folder');
  const said = (path: string) => errorOf(ConfigError, () => listPictures([join(root, path)])).message;
  assert.match(said('none'), 'none: there is no such file or folder');
  const hintOf = (path: string) => errorOf(ConfigError, () => listPictures([join(root, path)])).hint;
  assert.is(hintOf('none'), 'Check the path');
  assert.match(hintOf('a/*.png'), 'wildcards must not be quoted');
  assert.match(
    said('empty'),
    'empty: holds no picture (0 other files and 0 folders), wanted files ending in .avif, ',
  );
  const { message } = errorOf(ConfigError, () =>
    requireApart(found, [join(root, 'c'), join(root, 'b', '.')]),
  );
  assert.match(message, 'b/y.tif: lies where results are written');
});

test('pictures: a folder gives all that the decoder reads, whatever the case of the ending', async () => {
  const root = temporaryFolder();
  const made = sharp({ create: { width: 5, height: 4, channels: 3, background: 'red' } });
  for (const name of ['a.jpe', 'b.PNG', 'c.webp', 'd.gif', 'e.tif', 'f.TIFF', 'g.avif']) {
    const format = name.slice(2).toLowerCase() as 'png';
    writeFileSync(join(root, name), await made.clone().toFormat(format).toBuffer());
  }
  writeFileSync(join(root, 'h.svg'), '<svg xmlns="http://www.w3.org/2000/svg" width="5" height="4"/>');
  mkdirSync(join(root, 'i.png'));
  writeFileSync(join(root, 'j.bmp'), '');
  const { pictures, others } = listPictures([root, `${root}/.`]);
  assert.is(pictures.map(({ name }) => name).join(''), 'abcdefgh');
  for (const { file } of pictures) {
    const { width, height } = await readImage(file);
    assert.equal([width, height], [5, 4], file);
  }
  assert.is(othersText(others), '1 other file and 1 folder');
  const named = listPictures([root, join(root, 'j.bmp')]);
  assert.equal([named.pictures.length, named.others.files], [9, 0], 'what is named itself is taken');
  for (const ending of ['.jpg', '.jpeg', '.png', '.webp', '.svg']) assert.ok(pictureEndings.includes(ending));
  assert.not.ok(pictureEndings.includes('.pdf'));
});

test('earlier results go as far as their summary lists them; all other files stay', () => {
  const root = temporaryFolder();
  const out = join(root, 'out');
  for (const folder of ['overlays', 'masks/sub.png']) mkdirSync(join(out, folder), { recursive: true });
  const folders = resultFolders(out);
  assert.is(earlierResults(folders), null, 'a folder without a summary');
  const files = [
    'overlays/a.png',
    'masks/a.png',
    'masks/own.png',
    'masks/a.txt',
    'own.png',
    'predictions.json',
  ];
  for (const file of files) writeFileSync(join(out, file), '');
  const outside = join(root, 'outside.png');
  writeFileSync(outside, '');
  const list = (...pictures: { overlay: string; mask: string }[]) =>
    writeFileSync(folders.summary, JSON.stringify({ checkpoint: 'c', pictures }));
  list(
    // the folder has been moved since; gone is what someone removed
    { overlay: 'predictions/overlays/a.png', mask: 'predictions/masks/a.png' },
    { overlay: '/x/overlays/gone.png', mask: 'C:\\x\\masks\\gone.png' },
    { overlay: outside, mask: '../own.png' },
    { overlay: 'overlays/../../outside.png', mask: join(out, 'masks', 'a.txt') },
    { overlay: '..', mask: join(out, 'masks', 'sub.png') },
  );
  const earlier = earlierResults(folders)!;
  assert.is(earlier.pictures, 5);
  removeEarlier(earlier, [join(out, 'masks', 'A.png')]);
  assert.equal(readdirSync(out).sort(), ['masks', 'overlays', 'own.png', 'predictions.json']);
  assert.equal(readdirSync(folders.overlays), []);
  assert.equal(readdirSync(folders.masks).sort(), ['a.png', 'a.txt', 'own.png', 'sub.png'], 'a.png is new');
  const later = new Date(Date.now() + 60_000);
  utimesSync(join(folders.masks, 'a.png'), later, later);
  assert.equal(earlierResults(folders)!.files, [], 'a mask that somebody has changed since is theirs');
  assert.ok(existsSync(outside));
});

test('a summary that is none is an error, and nothing is removed', () => {
  const folders = resultFolders(temporaryFolder());
  for (const text of ['{"pictures":[{"overlay":1}]}', '{"pic', '[]']) {
    writeFileSync(folders.summary, text);
    const { message, hint } = errorOf(DataError, () => earlierResults(folders));
    assert.match(message, folders.summary);
    assert.match(hint, 'give --out another folder');
    assert.ok(existsSync(folders.summary));
  }
});

test.run();
