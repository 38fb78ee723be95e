import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError } from '../../engine/errors.ts';
import { readSafetensors, writeSafetensors } from '../../model/weights/safetensors.ts';
import { float32Tensor } from '../../model/weights/tensor_file.ts';
import { loadModelFile } from '../../train/checkpoint.ts';
import {
  bestCheckpointFile,
  checkpointFile,
  checkpointNames,
  latestCheckpoint,
  markLatest,
  readCheckpointOf,
} from '../../train/run_checkpoints.ts';
import { type RunFolder, runFolder } from '../../train/run_folder.ts';
import { errorOf, rejectionOf } from '../support/error_of.ts';
import { temporaryFolder } from './data/support.ts';

const test = suite('checkpoints of a run');
const root = temporaryFolder();

/** A run folder with checkpoints after these steps, and a best one where asked. */
async function folderWith(steps: number[], best = false): Promise<RunFolder> {
  const folder = runFolder(mkdtempSync(join(root, 'run-')));
  mkdirSync(folder.checkpoints);
  const files = steps.map((step) => checkpointFile(folder, step));
  if (best) files.push(bestCheckpointFile(folder));
  for (const file of files) {
    await writeSafetensors(file, new Map([['a', float32Tensor([2], Float32Array.of(1, 2))]]));
  }
  return folder;
}
const point = (folder: RunFolder, content: string | Buffer) =>
  writeFileSync(join(folder.checkpoints, 'latest'), content);
const cutShort = (file: string) => writeFileSync(file, readFileSync(file).subarray(0, -4));
const taken = (folder: RunFolder) => basename(latestCheckpoint(folder)!.file);

test('the latest checkpoint is the one marked', async () => {
  const folder = await folderWith([38, 76]);
  assert.is(checkpointFile(folder, 38), join(folder.checkpoints, 'step-000038.safetensors'));
  assert.is(bestCheckpointFile(folder), join(folder.checkpoints, 'best.safetensors'));
  for (const step of [38, 76]) {
    await markLatest(folder, step);
    assert.equal(latestCheckpoint(folder), { file: checkpointFile(folder, step), note: null });
  }
});

test('without any checkpoint there is nothing yet', async () => {
  assert.is(latestCheckpoint(await folderWith([])), null);
  assert.is(latestCheckpoint(runFolder(join(root, 'none'))), null);
});

test('without a mark the newest step is taken, and said so; the best one only where it is alone', async () => {
  const folder = await folderWith([380, 76, 1_000_000], true);
  writeFileSync(join(folder.checkpoints, 'step-x.safetensors'), '');
  assert.equal(
    checkpointNames(folder),
    ['step-1000000', 'step-000380', 'step-000076', 'best'].map((name) => `${name}.safetensors`),
  );
  const { file, note } = latestCheckpoint(folder)!;
  assert.is(file, checkpointFile(folder, 1_000_000));
  const pointer = join(folder.checkpoints, 'latest');
  assert.is(
    note,
    `${pointer} is not there: taking step-1000000.safetensors, the last by its name of 4; best.safetensors may be of a later step`,
  );
  assert.is(taken(await folderWith([], true)), 'best.safetensors');
});

test('a mark that is empty or names a missing file lists what is there', async () => {
  const folder = await folderWith([2, 4, 6, 8, 10, 12, 14]);
  const pointer = join(folder.checkpoints, 'latest');
  point(folder, ' \n');
  const empty = errorOf(DataError, () => latestCheckpoint(folder));
  assert.is(empty.message, `${pointer}: is empty, wanted the name of a checkpoint`);
  assert.match(empty.hint, /remove it for the newest: step-000014\.safetensors, .* and 2 more$/);
  await markLatest(folder, 99);
  const missing = errorOf(DataError, () => latestCheckpoint(folder));
  assert.is(missing.message, `${pointer}: names ${checkpointFile(folder, 99)}, which is not there`);
  assert.match(missing.hint, 'step-000014.safetensors, step-000012.safetensors');
  for (const step of [2, 4, 6, 8, 10, 12, 14]) rmSync(checkpointFile(folder, step));
  assert.match(errorOf(DataError, () => latestCheckpoint(folder)).hint, 'no other checkpoint');
});

test('a mark may be written by hand, also on Windows', async () => {
  const folder = await folderWith([2, 4]);
  const name = 'step-000002.safetensors\r\n';
  for (const content of [name, Buffer.from(`\uFEFF${name}`), Buffer.from(`\uFEFF${name}`, 'utf16le')]) {
    point(folder, content);
    assert.is(taken(folder), 'step-000002.safetensors');
  }
});

test('a damaged checkpoint names the newest other one that can be read', async () => {
  const folder = await folderWith([2, 4, 6, 8], true);
  const file = checkpointFile(folder, 8);
  cutShort(file);
  cutShort(checkpointFile(folder, 6));
  const error = await rejectionOf(DataError, () => readCheckpointOf(folder, file, readSafetensors));
  assert.match(error.message, `${file}: its tensors take 8 bytes, the file has 4 for them`);
  assert.equal(error.hint.split('\n'), [
    'The file is cut short; copy or make it again.',
    `To go on from the newest other one, write its name, step-000004.safetensors, into ${join(folder.checkpoints, 'latest')} (also there: step-000002.safetensors, best.safetensors)`,
  ]);
  const alone = await folderWith([2]);
  const only = checkpointFile(alone, 2);
  cutShort(only);
  const last = await rejectionOf(DataError, () => readCheckpointOf(alone, only, readSafetensors));
  assert.match(last.hint, 'There is no other checkpoint in');
});

test('a folder in the place of a file names the checkpoint in it', async () => {
  const errorOf = (path: string) => rejectionOf(DataError, () => loadModelFile(path));
  const folder = await folderWith([2, 4]);
  for (const path of [folder.root, folder.checkpoints]) {
    const { message, hint } = await errorOf(path);
    assert.is(message, `${path}: is the folder of a run, wanted a file`);
    assert.is(hint, `Give one of its checkpoints: ${checkpointFile(folder, 4)}`);
  }
  const best = await folderWith([2, 4], true);
  assert.match((await errorOf(best.root)).hint, bestCheckpointFile(best));
  const other = await errorOf(root);
  assert.is(other.message, `${root}: is a folder, wanted a file`);
});

test('errors about something else pass, and what can be read is returned', async () => {
  const folder = await folderWith([2]);
  const file = checkpointFile(folder, 2);
  assert.is((await readCheckpointOf(folder, file, readSafetensors)).tensors.size, 1);
  const other = new ConfigError('train.stopAt: too early', 'Later');
  const found = await rejectionOf(ConfigError, () =>
    readCheckpointOf(folder, file, () => Promise.reject(other)),
  );
  assert.is(found, other);
});

test.run();
