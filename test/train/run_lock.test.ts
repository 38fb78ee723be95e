import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError } from '../../engine/errors.ts';
import { type ProcessSpace, processSpace } from '../../engine/host/process_space.ts';
import { createRunFolder, makeNewFolder } from '../../train/run_folder.ts';
import { RunLock } from '../../train/run_lock.ts';
import { rejectionOf } from '../support/error_of.ts';
import { temporaryFolder } from './data/support.ts';

const test = suite('lock of a run folder');
const root = temporaryFolder();
const newFolder = (name: string): string => {
  mkdirSync(join(root, name));
  return join(root, name);
};
const lockIn = (folder: string): string => join(folder, 'lock');
const write = (folder: string, pid: number, space: Partial<ProcessSpace> = {}) =>
  writeFileSync(lockIn(folder), JSON.stringify({ pid, ...processSpace(), ...space }));
const ownerOf = (folder: string) => JSON.parse(readFileSync(lockIn(folder), 'utf8'));
const refusalOf = (folder: string) => rejectionOf(ConfigError, () => new RunLock(folder).take());
/** The number of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

test('one at a time: the second is told who trains, and where', async () => {
  const folder = newFolder('two');
  const [first, second] = [new RunLock(folder), new RunLock(folder)];
  await first.take();
  assert.equal(ownerOf(folder), { pid: process.pid, ...processSpace() });
  const { message, hint } = await rejectionOf(ConfigError, () => second.take());
  assert.is(message, `--work-dir ${folder}: process ${process.pid} on ${hostname()} is training in it`);
  assert.match(hint, `remove ${lockIn(folder)}`);
  second.release();
  assert.ok(existsSync(lockIn(folder)), "who was refused leaves the other's lock");
  first.release();
  assert.not.ok(existsSync(lockIn(folder)));
  first.release();
  await second.take();
  second.release();
});

test('the lock of a dead process is taken over on the same machine alone', async () => {
  const folder = newFolder('dead');
  write(folder, deadPid());
  const lock = new RunLock(folder);
  await lock.take();
  assert.is(ownerOf(folder).pid, process.pid);
  lock.release();
  assert.equal(readdirSync(folder), []);
  const pid = deadPid();
  write(folder, pid, { host: 'another-machine' });
  assert.match((await refusalOf(folder)).message, `process ${pid} on another-machine is training in it`);
  assert.is(ownerOf(folder).pid, pid);
});

test('a number means nothing in another container, and after a restart of the machine its process is dead', async () => {
  const folder = newFolder('elsewhere');
  if (processSpace().container === '') return;
  write(folder, deadPid(), { container: 'pid:[1]' });
  assert.match((await refusalOf(folder)).message, 'is training in it');
  write(folder, process.ppid, { boot: 'the day before' });
  const lock = new RunLock(folder);
  await lock.take();
  lock.release();
});

test('a process that runs keeps its lock, and one with our number from before our time does not', async () => {
  const folder = newFolder('alive');
  write(folder, process.ppid);
  assert.match((await refusalOf(folder)).message, `process ${process.ppid} on`);
  write(folder, process.pid);
  const lock = new RunLock(folder);
  await lock.take();
  lock.release();
});

test('a lock that names no process is left to the user', async () => {
  const folder = newFolder('odd');
  for (const text of ['', 'x', 'null', '{"pid":-1,"host":"a"}', '{"pid":0,"host":"a"}', '{"pid":5}']) {
    writeFileSync(lockIn(folder), text);
    const { message, hint } = await refusalOf(folder);
    assert.is(
      message,
      `--work-dir ${folder}: ${lockIn(folder)} names no process, wanted the one that trains there`,
    );
    assert.match(hint, `Remove ${lockIn(folder)}`);
    assert.is(readFileSync(lockIn(folder), 'utf8'), text);
  }
  rmSync(lockIn(folder));
  symlinkSync(join(root, 'nowhere'), lockIn(folder), 'junction');
  assert.match((await refusalOf(folder)).message, 'names no process');
});

test('a lock that is just being written is waited for', async () => {
  const folder = newFolder('begun');
  writeFileSync(lockIn(folder), '');
  const begun = refusalOf(folder);
  write(folder, process.ppid);
  assert.match((await begun).message, `process ${process.ppid} on`);
});

test("releasing leaves a lock that is another's by now, and a folder that is gone", async () => {
  const folder = newFolder('later');
  const lock = new RunLock(folder);
  await lock.take();
  write(folder, process.ppid);
  lock.release();
  assert.is(ownerOf(folder).pid, process.ppid);
  rmSync(lockIn(folder));
  await lock.take();
  rmSync(folder, { recursive: true });
  lock.release();
  const { message } = await rejectionOf(DataError, () => lock.take());
  assert.match(message, `${lockIn(folder)}: cannot be used: no such file or folder`);
});

test('a process that ends at once gives its lock back', () => {
  const folder = newFolder('exit');
  const module = new URL('../../train/run_lock.ts', import.meta.url).href;
  const script = `
    import { existsSync } from 'node:fs';
    const { RunLock } = await import(${JSON.stringify(module)});
    await new RunLock(${JSON.stringify(folder)}).take();
    process.exit(existsSync(${JSON.stringify(lockIn(folder))}) ? 130 : 1);`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  assert.is(spawnSync(process.execPath, args).status, 130);
  assert.not.ok(existsSync(lockIn(folder)));
});

test('the lock alone does not make a folder a strange one', async () => {
  const folder = join(root, 'deep', 'new');
  makeNewFolder(folder);
  const lock = new RunLock(folder);
  await lock.take();
  await createRunFolder(folder, '{}');
  lock.release();
  assert.equal(readdirSync(folder).sort(), ['checkpoints', 'config.json']);
});

test.run();
