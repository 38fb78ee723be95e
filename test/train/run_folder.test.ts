import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError } from '../../engine/errors.ts';
import { formatConfig, loadConfig } from '../../train/config/config.ts';
import { embeddedPreset } from '../../train/config/presets.ts';
import {
  createRunFolder,
  openRunFolder,
  openRunLog,
  runFolder,
  saveEvaluation,
} from '../../train/run_folder.ts';
import { errorOf, rejectionOf } from '../support/error_of.ts';

const test = suite('run folder');
const root = mkdtempSync(join(tmpdir(), 'run-folder-test-'));
test.after(() => rmSync(root, { recursive: true }));
const config = embeddedPreset();
const text = formatConfig(config);

test('a new run gets its folder and its configuration', async () => {
  const folder = await createRunFolder(join(root, 'deep/new'), text);
  assert.equal(loadConfig(folder.config), config);
  assert.ok(existsSync(folder.checkpoints));
});

test('an empty folder that is there already is taken', async () => {
  const path = join(root, 'empty');
  mkdirSync(path);
  await createRunFolder(path, text);
  assert.equal(loadConfig(runFolder(path).config), config);
});

test('an existing run is not overwritten, but can be continued', async () => {
  const path = join(root, 'twice');
  await createRunFolder(path, text);
  const error = await rejectionOf(ConfigError, () =>
    createRunFolder(path, formatConfig({ ...config, seed: 9 })),
  );
  assert.is(error.message, `--work-dir ${path}: there is a run in it already`);
  assert.match(error.hint, '--resume');
  assert.is(loadConfig(runFolder(path).config).seed, 0, 'untouched');
  await openRunFolder(path, formatConfig({ ...config, adapter: 'other' }));
  assert.is(loadConfig(runFolder(path).config).adapter, 'other');
});

test('a folder of something else is left alone', async () => {
  const path = join(root, 'strange');
  mkdirSync(path);
  writeFileSync(join(path, 'thesis.tex'), 'x');
  const error = await rejectionOf(ConfigError, () => createRunFolder(path, text));
  assert.is(error.message, `--work-dir ${path}: holds other files (thesis.tex) and no run`);
  assert.not.ok(existsSync(join(path, 'checkpoints')));
  const missing = join(root, 'missing');
  const resume = await rejectionOf(ConfigError, () => openRunFolder(missing, text));
  assert.is(resume.message, `--resume: ${missing} holds no run (no config.json)`);
  assert.not.ok(existsSync(missing));
});

test('a work folder that is a file is an error that names it', async () => {
  const path = join(root, 'file');
  writeFileSync(path, '');
  const error = await rejectionOf(DataError, () => createRunFolder(path, text));
  assert.match(error.message, `${path}: cannot be used: part of the path is not a folder (ENOTDIR)`);
});

test('a new log starts empty and takes a JSON object a line', async () => {
  const file = join(root, 'new.jsonl');
  writeFileSync(file, '{"step":3}\n');
  const log = await openRunLog(file);
  log.write({ step: 10, loss: 1.5 });
  log.write({ step: 20, loss: Number.NaN });
  assert.is(readFileSync(file, 'utf8'), '{"step":10,"loss":1.5}\n{"step":20,"loss":null}\n');
});

test('a continued log forgets what lies beyond the step, and a line cut short', async () => {
  const file = join(root, 'continued.jsonl');
  const lines = ['{"step":10}', '{"step":20}', '{"step":20,"eval":1}', '{"step":30}', '{"st'];
  const openAt = async (step: number) => {
    writeFileSync(file, lines.join('\n'));
    (await openRunLog(file, step)).write({ step: 99 });
    return readFileSync(file, 'utf8').trimEnd().split('\n');
  };
  const added = '{"step":99}';
  assert.equal(await openAt(20), [...lines.slice(0, 3), added]);
  assert.equal(await openAt(25), [...lines.slice(0, 3), added]);
  assert.equal(await openAt(30), [...lines.slice(0, 4), added]);
  assert.equal(await openAt(5), [added]);
});

test('an evaluation takes the place of an earlier one of its step', async () => {
  const file = join(root, 'evaluated.jsonl');
  const log = await openRunLog(file);
  log.write({ step: 5, loss: 1 });
  assert.not.ok(log.hasEvaluation(5));
  for (const hiou of [1, 2]) await log.writeEvaluation(5, { hiou, seen: null, unseen: 4 });
  assert.ok(log.hasEvaluation(5));
  const line = '{"step":5,"eval":{"hiou":2,"seen":null,"unseen":4}}';
  assert.is(readFileSync(file, 'utf8'), `{"step":5,"loss":1}\n${line}\n`);
  log.write({ step: 6 });
  assert.is(readFileSync(file, 'utf8').split('\n').length, 4);
});

test('a log that cannot be written is an error that names it', async () => {
  const path = join(root, 'gone');
  mkdirSync(path);
  const log = await openRunLog(join(path, 'log.jsonl'));
  rmSync(path, { recursive: true });
  assert.match(
    errorOf(DataError, () => log.write({ step: 1 })).message,
    `${join(path, 'log.jsonl')}: cannot be used: no such file`,
  );
});

test('eval.json holds the report', async () => {
  const file = join(root, 'eval.json');
  const part = { seen: 30.5, unseen: 40, hiou: 34.6, mean: 33, pixelAccuracy: 60 };
  const report = { ...part, classes: [{ name: 'cat', unseen: false, iou: null }], withBackground: null };
  await saveEvaluation(file, 380, report);
  assert.equal(JSON.parse(readFileSync(file, 'utf8')), { step: 380, ...report });
});

test.run();
