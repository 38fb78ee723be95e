import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import { DataError } from '../../engine/errors.ts';
import { Comparisons } from './compare.ts';
import { type Fixture, loadFixture } from './fixture.ts';
import { checkMicroOps } from './micro_ops.ts';
import { checkModelStep } from './model_step.ts';
import { checkAnalysis, checkTextTower, checkTokenizer } from './text_and_analysis.ts';

const TOKENIZER = 'tokenizer.json';
/** Failed comparisons listed per fixture before the rest is only counted. */
const LISTED = 8;

/**
 * The fixtures of a folder, as paths without extension; `tokenizer.json` stands alone.
 * @throws DataError where the folder is missing or holds none.
 */
export function fixturesIn(folder: string): string[] {
  if (!existsSync(folder))
    throw new DataError(folder, 'is not there', 'Give the folder of the fixtures with --dir.');
  const files = readdirSync(folder).sort();
  const stems = files
    .filter((file) => file.endsWith('.safetensors'))
    .map((file) => join(folder, file.slice(0, -12)));
  if (files.includes(TOKENIZER)) stems.push(join(folder, TOKENIZER));
  if (stems.length === 0)
    throw new DataError(folder, 'holds no fixture', 'Wanted NAME.safetensors with NAME.json.');
  return stems;
}

/** Runs every fixture, prints what was compared and how well, and returns how many failed. */
export async function checkFixtures(
  engine: Engine,
  stems: readonly string[],
  print: (line: string) => void,
): Promise<number> {
  let failed = 0;
  for (const stem of stems) {
    const start = performance.now();
    const result = await checkFixture(engine, stem);
    const { failures } = result;
    if (failures.length > 0) failed++;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    print(
      `${failures.length === 0 ? 'ok  ' : 'FAIL'} ${stem}  (${result.all.length} comparisons, ${seconds} s)`,
    );
    for (const line of summary(result)) print(`       ${line}`);
    for (const { name, error, allowed } of failures.slice(0, LISTED)) {
      print(`       FAIL ${name}: ${error.toExponential(2)}, allowed ${allowed.toExponential(2)}`);
    }
    if (failures.length > LISTED) print(`       and ${failures.length - LISTED} more`);
  }
  return failed;
}

/** Tells the kind of a fixture from the keys of its sidecar and runs it. */
export async function checkFixture(engine: Engine, stem: string): Promise<Comparisons> {
  if (stem.endsWith(TOKENIZER)) {
    const result = new Comparisons();
    await checkTokenizer(stem, result);
    return result;
  }
  const fixture = await loadFixture(stem);
  const result = new Comparisons(fixture.json.torch_f32_error);
  if ('training' in fixture.json) return checkModelStep(engine, fixture);
  if ('templates_per_class' in fixture.json) await checkTextTower(engine, fixture, result);
  else if ('cka' in fixture.json || 'miou' in fixture.json) await checkAnalysis(engine, fixture, result);
  else if (isMicroOps(fixture)) await checkMicroOps(engine, fixture, result);
  else
    throw new DataError(
      `${stem}.json`,
      'is a fixture of unknown kind',
      'See test/golden/README.md for the kinds.',
    );
  return result;
}

function isMicroOps({ json }: Fixture): boolean {
  return Object.values(json as Record<string, object>).some(
    (entry) => entry !== null && typeof entry === 'object' && 'inputs' in entry,
  );
}

/** One line per group: how many comparisons, the worst error and what was allowed there. */
function summary(result: Comparisons): string[] {
  const groups = [...new Set(result.all.map(({ group }) => group))];
  const width = Math.max(...groups.map((group) => group.length));
  return groups.map((group) => {
    const members = result.all.filter((comparison) => comparison.group === group);
    const worst = members.reduce((a, b) => (b.error / (b.allowed || 1) > a.error / (a.allowed || 1) ? b : a));
    const error = worst.error === 0 ? '0' : worst.error.toExponential(2);
    return `${group.padEnd(width)}  ${String(members.length).padStart(4)}  worst ${error.padEnd(9)} of ${worst.allowed.toExponential(1)} allowed  ${worst.name}`;
  });
}
