import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError } from '../../engine/errors.ts';
import { formatConfig, loadConfig } from '../../train/config/config.ts';
import { embeddedPreset } from '../../train/config/presets.ts';
import { savedSettings } from '../../train/pretrain/folder.ts';
import { defaultSettings } from '../../train/pretrain/settings.ts';
import { type RunFolder, runFolder } from '../../train/run_folder.ts';
import { readSavedConfig } from '../../train/saved_config.ts';
import { errorOf } from '../support/error_of.ts';
import { temporaryFolder } from './data/support.ts';

const test = suite('saved configuration');
const root = temporaryFolder();
const folderWith = (config: string): RunFolder => {
  const folder = runFolder(mkdtempSync(join(root, 'run-')));
  writeFileSync(folder.config, config);
  return folder;
};
const read = (folder: RunFolder) => readSavedConfig(folder, { what: 'training', carried: true }, loadConfig);
const anew = 'Restore it from a copy, or start anew in another --work-dir';

test('what is whole is read', () => {
  const config = embeddedPreset();
  assert.equal(read(folderWith(formatConfig(config))), config);
  assert.equal(savedSettings(folderWith(formatConfig(defaultSettings)).root), defaultSettings);
});

test('a damaged file says where else the configuration is', () => {
  const folder = folderWith('{"seed": ');
  const alone = errorOf(DataError, () => read(folder));
  assert.match(alone.message, `${folder.config}: is not JSON`);
  assert.is(alone.hint, anew);
  mkdirSync(folder.checkpoints);
  writeFileSync(join(folder.checkpoints, 'step-000002.safetensors'), '');
  assert.match(
    errorOf(DataError, () => read(folder)).hint,
    /^Every checkpoint carries the configuration.* from step-000002\.safetensors, or start anew/,
  );
  assert.is(errorOf(DataError, () => savedSettings(folder.root)).hint, anew);
});

test('few problems are listed with their hints', () => {
  const { message, hint } = errorOf(ConfigError, () =>
    read(folderWith(formatConfig({ ...embeddedPreset(), seed: -1 }))),
  );
  assert.match(message, /config\.json: seed: found -1, wanted a whole number/);
  assert.equal(hint.split('\n'), ['seed: seed of everything that is random', anew]);
});

test('something else is said to be so in one line', () => {
  for (const [text, problem] of [
    ['{}', 'dataset: missing, wanted one of voc20, context59, coco171; and 9 other problems'],
    ['[]', /^the configuration: found \[\], wanted \{dataset, .*\.\.\.$/],
    [formatConfig(defaultSettings), /^dataset: missing, .*; and \d+ other problems$/],
  ] as const) {
    const folder = folderWith(text);
    const { message, hint } = errorOf(DataError, () => read(folder));
    const start = `${folder.config}: is no configuration of a training (`;
    assert.is(message.slice(0, start.length), start);
    assert.match(message.slice(start.length, -1), problem);
    assert.is(message.split('\n').length, 1);
    assert.is(hint, anew);
  }
  assert.match(
    errorOf(DataError, () => savedSettings(folderWith('{}').root)).message,
    'is no configuration of a pre-training (seed: missing',
  );
});

test('what the system says of the file passes as it is', () => {
  const folder = runFolder(root);
  const { hint } = errorOf(DataError, () => read(folder));
  assert.is(hint, '');
});

test.run();
