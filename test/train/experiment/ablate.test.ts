import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../engine/errors.ts';
import { parseAblate } from '../../../train/commands/ablate.ts';
import { embeddedPreset } from '../../../train/config/presets.ts';
import { runAblation, variantConfig } from '../../../train/experiment/ablate.ts';
import { checkClaims, claims, claimTable } from '../../../train/experiment/ablate_claims.ts';
import { variants } from '../../../train/experiment/ablate_rows.ts';
import type { Row } from '../../../train/experiment/figures.ts';
import { errorOf } from '../../support/error_of.ts';
import { silentProgress } from '../pretrain/support.ts';
import { tinySettings, writeTinyClip } from './support.ts';

const test = suite('ablate');
const folder = mkdtempSync(join(tmpdir(), 'ablate-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const row = (key: string, ...hiou: (number | null)[]): Row => ({
  key,
  title: key,
  figures: hiou.map((value) => ({ seen: value, unseen: value, hiou: value, background: value })),
});

test('every row fits the embedded default, and all differ', () => {
  const models = variants.map((variant) => JSON.stringify(variantConfig(embeddedPreset(), variant).model));
  assert.is(new Set(models).size, variants.length);
  assert.is(models[0], JSON.stringify(embeddedPreset().model), 'the first one is the default itself');
  const keys = variants.map(({ key }) => key);
  assert.is(new Set(keys).size, keys.length);
  for (const { better, worse } of claims) assert.ok(keys.includes(better) && keys.includes(worse), worse);
  const deeper = embeddedPreset();
  deeper.model.vision.layers = 8;
  deeper.model.stages = [[7]];
  const error = errorOf(ConfigError, () => variantConfig(deeper, variants[1]!));
  assert.match(
    error.message,
    /row last_layer: model\.stages: \[\[5\]\] ends with block 5, wanted the last block 7/,
  );
});

test('a claim holds where all seeds say so, falls where all deny it, and is open otherwise', () => {
  const rows = [
    row('cascade', 5, 6, 7),
    row('sum', 4, 5, 6),
    row('concat', 6, 7, 8),
    row('fixed_nga', 4, 7, 6),
  ];
  const checked = checkClaims([...rows, row('shared_text', 4, null, 6)]);
  assert.equal(
    checked.map(({ worse, verdict, differences }) => [worse, verdict, differences]),
    [
      ['sum', 'agrees', [1, 1, 1]],
      ['concat', 'contradicts', [-1, -1, -1]],
      ['fixed_nga', 'open', [1, -1, 1]],
      ['shared_text', 'open', [1, null, 1]],
    ],
  );
  const table = claimTable(checked);
  assert.match(table, /contradicts +NGA beats concatenation +hIoU +-1\.0 \+- 0\.0/);
  assert.match(table, /agrees with 1 of 4 claims, contradicts 1, and leaves 2 open/);
  assert.match(table, /with 3 seeds .* 25% of cases/);
  const single = checkClaims([row('cascade', 5), row('sum', 4)]);
  assert.is(single[0]!.verdict, 'open', 'one seed proves nothing');
  assert.match(claimTable(single), /\nNothing can be concluded from one seed, so every claim is open;/);
  assert.not.match(claimTable(single), '1 seeds');
});

test('--rows chooses rows, in the order of the table, and names what it does not know', async () => {
  const clip = await writeTinyClip(folder);
  const parse = (...argv: string[]) => parseAblate(['--clip', clip, ...argv]);
  assert.is(parse().variants.length, variants.length);
  assert.equal(
    parse('--rows', 'sum, cascade').variants.map(({ key }) => key),
    ['cascade', 'sum'],
  );
  const error = errorOf(ConfigError, () => parse('--rows', 'sum,fussion'));
  assert.match(error.message, /there is no row 'fussion'; did you mean fusion\?/);
});

test('a run trains each row with each seed, prints and saves them', async () => {
  const clip = await writeTinyClip(folder);
  const json = join(folder, 'ablate.json');
  const request = parseAblate([
    ...['--clip', clip, '--seeds', '0,1', '--max-iters', '2', '--json', json],
    ...['--rows', 'cascade,concat', ...tinySettings],
  ]);
  const progress = silentProgress();
  assert.is(await runAblation(request, progress), 0);
  const output = progress.notes.join('\n');
  assert.match(output, /4\/4 concat, seed 1: seen/);
  assert.match(output, /cascade, taps of a stage concatenated +2 +\d/);
  assert.match(output, /NGA beats concatenation/);
  const { rows, claims: saved, adapter } = JSON.parse(readFileSync(json, 'utf8'));
  assert.equal(
    rows.map((found: Row) => [found.key, found.figures.length]),
    [
      ['cascade', 2],
      ['concat', 2],
    ],
  );
  assert.not.equal(rows[0].figures[0], rows[0].figures[1], 'seeds differ');
  assert.is(saved.length, 1);
  assert.ok(adapter.length > 0);
});

test.run();
