import { ensureAdapter } from '../../engine/doctor/ensure.ts';
import { writeJson } from '../../engine/host/json_file.ts';
import { parseConfig, type RunConfig } from '../config/config.ts';
import { openDataset } from '../data/datasets/dataset.ts';
import { prepareData } from '../embedded/prepare.ts';
import { formatDuration, type Progress } from '../io/progress.ts';
import { checkClaims, claimTable } from './ablate_claims.ts';
import type { Variant } from './ablate_rows.ts';
import { type Figures, figuresOf, figureTable, type Row, rowsAsJson } from './figures.ts';
import { type ExperimentRequest, openSeries } from './series.ts';
import { trainModel, withEngine } from './trained.ts';

/** An ablation as it is asked for. */
export interface AblateRequest extends ExperimentRequest {
  /** The variants to train, in the order of the table. */
  variants: readonly Variant[];
}

/**
 * Trains every variant with every seed and prints their figures and what they say to the paper's claims. The file
 * for the results is written anew after each training, so that a long series that is stopped is not lost.
 * @returns the exit code.
 */
export async function runAblation(request: AblateRequest, progress: Progress): Promise<number> {
  const { config, seeds, variants, json, banner } = request;
  const configs = variants.map((variant) => variantConfig(config, variant));
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  if (banner) progress.note(banner);
  await ensureAdapter({ adapter: config.adapter ?? undefined });
  await prepareData(config);
  const { data } = config;
  const dataset = await openDataset(config.dataset, data.root, data.trainSplit);
  const series = openSeries(variants.length * seeds.length, progress);
  const rows: Row[] = [];
  let adapter = '';
  const save = async (): Promise<void> => {
    if (json === null) return;
    const results = { rows: rowsAsJson(rows), claims: checkClaims(rows.filter(isWhole)) };
    const content = {
      adapter,
      split: data.valSplit,
      seeds,
      seconds: Math.round(seconds()),
      ...results,
      config,
    };
    await writeJson(json, content);
  };
  const isWhole = ({ figures }: Row): boolean => figures.length === seeds.length;
  const train = (own: RunConfig): Promise<Figures> =>
    withEngine(own, async (engine) => {
      adapter = engine.gpu.device.name;
      const model = await trainModel(engine, own, dataset, progress);
      return figuresOf(await model.evaluate());
    });
  for (const [index, { key, title }] of variants.entries()) {
    const row: Row = { key, title, figures: [] };
    rows.push(row);
    for (const seed of seeds) {
      const own = { ...configs[index]!, seed };
      row.figures.push(
        await series.run(
          `${key}, seed ${seed}`,
          () => train(own),
          (found) => found,
        ),
      );
      await save();
    }
  }
  progress.note(`\n${figureTable(rows)}\n`);
  const checked = checkClaims(rows);
  if (checked.length > 0) progress.note(`${claimTable(checked)}\n`);
  progress.note(
    `${variants.length} variants, seeds ${seeds.join(', ')}, split ${data.valSplit}, ${adapter}, ${formatDuration(seconds())}`,
  );
  return 0;
}

/** @throws ConfigError where the variant does not fit the model, such as stages for six blocks one of five. */
export function variantConfig(config: RunConfig, { key, model }: Variant): RunConfig {
  return parseConfig({ ...config, model: { ...config.model, ...model } }, `row ${key}`);
}
