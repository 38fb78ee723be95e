import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../../engine/errors.ts';
import { isKind } from '../../engine/host/path_kind.ts';
import { makeFolders } from '../../train/io/make_folders.ts';
import { makeOutputFolder } from '../../train/io/output.ts';
import { errorOf, rejectionOf } from '../support/error_of.ts';
import { temporaryFolder } from './data/support.ts';

const test = suite('output folders');
const root = temporaryFolder();

test('a folder is made with those above it, and taken where it is there', async () => {
  const deep = join(root, 'a', 'b', 'c');
  await makeOutputFolder(deep, '--out');
  await makeOutputFolder(deep, '--out');
  await makeOutputFolder(`${join(root, 'a', 'd')}/`, '--out');
  assert.ok(isKind(deep, 'folder') && isKind(join(root, 'a', 'd'), 'folder'));
});

test('a file in the way is named, also higher up', async () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  const own = await rejectionOf(DataError, () => makeOutputFolder(file, '--out'));
  assert.is(own.message, `${file}: is a file, wanted a folder`);
  const below = await rejectionOf(DataError, () => makeOutputFolder(join(file, 'b', 'c'), '--out'));
  assert.match(below.message, 'cannot be written to: part of the path is not a folder (ENOTDIR)');
  errorOf(Error, () => makeFolders(file));
});

test('a link that leads nowhere is an error', () => {
  mkdirSync(join(root, 'links'));
  const link = join(root, 'links', 'gone');
  symlinkSync(join(root, 'nowhere'), link, 'junction');
  errorOf(Error, () => makeFolders(link));
  assert.not.ok(existsSync(join(root, 'nowhere')));
});

test('where no folder can be made, that is said, and nothing hangs', async () => {
  // the file system of this kind that Linux has
  if (!existsSync('/proc/self')) return;
  const { message } = await rejectionOf(DataError, () => makeOutputFolder('/proc/none/deep', '--out'));
  assert.match(message, /^\/proc\/none\/deep: cannot be written to: .*\((ENOENT|EACCES)\)$/);
});

test.run();
