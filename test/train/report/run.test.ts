import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../engine/errors.ts';
import { Random } from '../../../engine/random.ts';
import { parameterSpecs } from '../../../model/parameters.ts';
import { ParameterStore } from '../../../model/store.ts';
import { parseReport } from '../../../train/commands/report.ts';
import { embeddedPreset } from '../../../train/config/presets.ts';
import { datasetInfo } from '../../../train/data/datasets/info.ts';
import type { EvalReport } from '../../../train/evaluation/metrics.ts';
import { stageWeights, weightsBefore } from '../../../train/report/inside.ts';
import { resolveReport } from '../../../train/report/report_run.ts';
import { runScript, settingFlags, tinyModel, tinySteps } from '../../support/command.ts';
import { openEngine } from '../../support/device.ts';
import { errorOf } from '../../support/error_of.ts';
import { temporaryFolder } from '../data/support.ts';
import { assertSelfContained, parsePage, valuesIn } from './support.ts';

/** The page as the commands write it, and where its "before training" comes from. */
const test = suite('report of a run');
const folder = join(temporaryFolder(), 'run');
const page = join(folder, 'report.html');

const tiny = settingFlags([
  ...tinyModel,
  ...tinySteps,
  'train.logInterval=1',
  'eval.maxImages=3',
  'eval.overlays=0',
  'data.clip=null',
  'data.embedded=true',
]);

function checkPage(): string {
  const text = readFileSync(page, 'utf8');
  const evaluation = JSON.parse(readFileSync(join(folder, 'eval.json'), 'utf8')) as EvalReport;
  assertSelfContained(text, parsePage(text));
  const { withBackground: other } = evaluation;
  const wanted = (['hiou', 'seen', 'unseen', 'pixelAccuracy'] as const).flatMap((key) => [
    evaluation[key],
    other![key],
  ]);
  assert.equal(
    valuesIn(text, 'summary'),
    wanted.filter((entry) => entry !== null),
  );
  return text;
}

test('training ends with a page that says what eval.json says', async () => {
  const args = ['--dataset', 'voc20', '--work-dir', folder, '--max-iters', '3', ...tiny];
  const { code, output } = await runScript('train/commands/train_main.ts', args);
  assert.is(code, 0, output);
  assert.match(output, page);
  const text = checkPage();
  const pictures = parsePage(text).filter(({ name }) => name === 'img');
  // three images, first and worst, four panels each; similarity maps come on top
  assert.ok(pictures.length > 24, `${pictures.length} pictures`);
  assert.match(text, 'Step 3 of 3');
});

test('npm run report writes the same page again', async () => {
  const first = readFileSync(page, 'utf8');
  rmSync(page);
  rmSync(join(folder, 'eval.json'));
  const { code, output } = await runScript('train/commands/report_main.ts', ['--work-dir', folder]);
  assert.is(code, 0, output);
  assert.match(output, `report in ${page}`);
  assert.is(checkPage() === first, true, 'the pages are equal');
});

test('npm run report reads the log and tries the folder before it evaluates', async () => {
  const log = join(folder, 'log.jsonl');
  const before = readFileSync(log, 'utf8');
  const refusal = async (): Promise<string> => {
    const { code, output } = await runScript('train/commands/report_main.ts', ['--work-dir', folder]);
    assert.is(code, 1, output);
    assert.not.match(output, 'evaluated');
    return output;
  };
  writeFileSync(log, `what?\n${before}`);
  const output = await refusal();
  assert.match(output, `error: ${log}: line 1 is no record of a run: what?`);
  assert.match(output, 'Remove this line; nothing else depends on it.');
  writeFileSync(log, before);
  for (const file of [page, join(folder, 'eval.json')]) {
    renameSync(file, `${file}.kept`);
    mkdirSync(file);
    assert.match(await refusal(), `${file}: is a folder, wanted a file\n  Move that folder away.`);
    rmdirSync(file);
    renameSync(`${file}.kept`, file);
  }
});

test('npm run report names what is wrong with its folder', async () => {
  const empty = temporaryFolder();
  const { message } = errorOf(ConfigError, () => parseReport([]));
  assert.is(message, '--work-dir is missing');
  const refusal = (path: string) => errorOf(ConfigError, () => parseReport(['--work-dir', path])).message;
  assert.is(refusal(empty), `--work-dir ${empty}: holds no run (no config.json)`);
  assert.is(refusal(join(empty, 'none')), `--work-dir ${join(empty, 'none')}: there is no such folder`);
  writeFileSync(join(empty, 'config.json'), '{}');
  assert.is(refusal(empty), `--work-dir ${empty}: holds a run without a checkpoint`);
  const file = join(empty, 'config.json');
  assert.is(refusal(file), `--work-dir ${file}: is a file, wanted the folder of a run`);
  const { code, output } = await runScript('train/commands/report_main.ts', ['--work-dir', file]);
  assert.is(code, 1);
  assert.match(output, `error: --work-dir ${file}: is a file`);
});

test('a report reads data that were moved where they lie, and draws none there', () => {
  const saved = embeddedPreset();
  const flags = ['--work-dir', folder, '--data-root', folder, '--adapter', 'lavapipe'];
  const config = resolveReport(parseReport(flags), saved);
  assert.equal([config.data.root, config.data.embedded, config.adapter], [folder, false, 'lavapipe']);
  assert.equal(resolveReport(parseReport(['--work-dir', folder]), saved), saved);
});

test('the weights before training are drawn again, the frozen ones are kept', async () => {
  const engine = await openEngine();
  try {
    const preset = embeddedPreset();
    const vision = { ...preset.model.vision, width: 32, heads: 2, embedDim: 16 };
    const config = { ...preset, seed: 5, model: { ...preset.model, vision } };
    const specs = parameterSpecs(config.model);
    // a frozen tower that is not what the seed would draw
    const shape = [32, 16];
    const given = Float32Array.from({ length: 512 }, (_, i) => new Random(9, i).normal());
    const tower = new Map([['backbone.proj', { dtype: 'F32' as const, shape, data: given }]]);
    const store = new ParameterStore(engine, specs, tower, config.seed);
    const start = await store.stateDict();
    for (const parameter of store.trainable) parameter.write(new Float32Array(parameter.size).fill(0.125));
    const before = await weightsBefore(engine, store, config);
    const again = await before.stateDict();
    assert.equal([...again.keys()], [...start.keys()]);
    for (const [name, { data }] of again) assert.equal([...data], [...start.get(name)!.data], name);
    const trained = { engine, config, info: datasetInfo('voc20'), text: engine.one(), before, after: store };
    const gaussian = [Math.fround(Math.exp(-0.5)), 1];
    assert.equal(await stageWeights(trained), [
      { blocks: [2, 3], weights: { before: gaussian, after: [0.125, 0.125] } },
      { blocks: [4, 5], weights: { before: gaussian, after: [0.125, 0.125] } },
      { blocks: [6], weights: null },
    ]);
  } finally {
    await engine.close();
  }
});

test.run();
