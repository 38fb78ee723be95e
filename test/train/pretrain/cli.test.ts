import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError } from '../../../engine/errors.ts';
import { HelpRequest } from '../../../engine/host/command.ts';
import { parsePretrain } from '../../../train/commands/pretrain.ts';
import { listFields } from '../../../train/config/fields.ts';
import { commandOf } from '../../../train/pretrain/recipe.ts';
import { defaultSettings, pretrainSchema } from '../../../train/pretrain/settings.ts';
import { errorOf } from '../../support/error_of.ts';

const test = suite('pretrain_cli');
const directory = mkdtempSync(join(tmpdir(), 'pretrain-cli-'));
test.after(() => rmSync(directory, { recursive: true }));

const parse = (line: string) =>
  parsePretrain(line.split(' ').filter(Boolean), new Date(2026, 2, 9, 14, 5, 7));
const refusal = (line: string): string => {
  const error = errorOf(ConfigError, () => parse(line));
  return `${error.message} | ${error.hint}`;
};
const savedIn = (name: string, content: string): string => {
  const folder = join(directory, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), content);
  return folder;
};

test('without flags: the defaults, a folder with the date, the file inside', () => {
  assert.equal(parse(''), {
    settings: defaultSettings,
    workDir: 'runs/2026-03-09-140507-pretrain',
    out: 'runs/2026-03-09-140507-pretrain/mini_clip.safetensors',
    resume: false,
  });
});

test('flags and --set arrive, --set being stronger', () => {
  const line = `--work-dir w --seed 7 --stage1 20 --stage2 0 --batch 8 --adapter 12 --out ${directory}/m.safetensors --set seed=9 --set stage1.lr=.5`;
  const { settings, workDir, out } = parse(line);
  assert.is(settings.seed, 9);
  assert.is(settings.adapter, '12');
  assert.equal(
    [settings.stage1, settings.stage2.steps, settings.train.batch],
    [{ steps: 20, size: 32, lr: 0.5 }, 0, 8],
  );
  assert.equal([workDir, out], ['w', `${directory}/m.safetensors`]);
});

test('what is wrong is named, with what to do', () => {
  assert.match(
    refusal('--stage1 many'),
    /--stage1 many: stage1\.steps: found the text "many", wanted a whole number/,
  );
  assert.match(refusal('--set stage3.steps=1'), /stage3.*no such setting/);
  assert.match(refusal('--set stage1=1'), /stage1 is a section/);
  assert.match(refusal('--set lr'), /wanted NAME=VALUE/);
  assert.match(refusal('--set model.heads=3'), /model\.heads: 3 does not divide model\.width, which is 128/);
  assert.match(
    refusal('--set model.width=512 --set model.heads=2'),
    /model\.heads: 2 heads of model\.width, which is 512, are wider than 128 columns/,
  );
  assert.match(refusal('--set stage2.size=50'), /model\.patch: 8 does not divide stage2\.size, which is 50/);
  assert.match(refusal('--stage1 0 --stage2 0'), /both stages have no steps/);
  assert.match(
    errorOf(DataError, () => parse('--out nowhere/m.safetensors')).message,
    'nowhere/m.safetensors: cannot be written, nowhere: no such file or folder',
  );
  assert.match(refusal('--resume'), /--work-dir is missing/);
  assert.match(refusal(`--resume --work-dir ${directory}`), /holds no pre-training/);
  assert.match(refusal('--stage3 5'), /unknown option/);
});

test('--resume takes the saved settings and refuses others', () => {
  const saved = { ...defaultSettings, seed: 4, train: { ...defaultSettings.train, stopAt: 100 } };
  const folder = savedIn('saved', JSON.stringify(saved));
  const { settings, resume } = parse(
    `--resume --work-dir ${folder} --set train.logInterval=5 --adapter llvmpipe`,
  );
  assert.ok(resume);
  assert.equal(settings, {
    ...saved,
    adapter: 'llvmpipe',
    train: { ...saved.train, stopAt: null, logInterval: 5 },
  });
  assert.match(
    refusal(`--resume --work-dir ${folder} --seed 5`),
    /seed cannot change: the run has 4, asked for 5/,
  );
  const damaged = savedIn('damaged', '{');
  assert.match(
    errorOf(DataError, () => parse(`--resume --work-dir ${damaged}`)).message,
    /config\.json: is not JSON/,
  );
  const unknown = savedIn('unknown', JSON.stringify({ ...saved, more: 1 }));
  assert.match(refusal(`--resume --work-dir ${unknown}`), /config\.json: more: no such setting/);
});

test('--help lists every setting with its default', () => {
  const { text } = errorOf(HelpRequest, () => parse('--help'));
  for (const { path, description } of listFields(pretrainSchema)) {
    assert.ok(text.includes(path) && text.includes(description) && description !== '', path);
  }
});

test('the command of a card leads to the same settings', () => {
  const settings = { ...defaultSettings, seed: 3, stage1: { ...defaultSettings.stage1, steps: 10 } };
  const command = commandOf(settings);
  assert.is(command, "npm run pretrain:clip -- --set 'seed=3' --set 'stage1.steps=10'");
  assert.equal(parse(command.split(' -- ')[1].replaceAll("'", '')).settings, settings);
  assert.is(commandOf(defaultSettings), 'npm run pretrain:clip --');
});

test.run();
