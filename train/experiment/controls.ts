import { ensureAdapter } from '../../engine/doctor/ensure.ts';
import { writeJson } from '../../engine/host/json_file.ts';
import type { RunConfig } from '../config/config.ts';
import { embeddedCache } from '../config/presets.ts';
import { openDataset } from '../data/datasets/dataset.ts';
import { buildStyleAtlas } from '../embedded/atlas_builder.ts';
import { defaultCounts, ensureEmbeddedVoc } from '../embedded/generate.ts';
import { prepareData } from '../embedded/prepare.ts';
import { formatDuration, type Progress } from '../io/progress.ts';
import { denseClip } from './controls_dense.ts';
import { type ControlKey, gateTable, judge } from './controls_gates.ts';
import { controlsOfSeed, type SeedFigures, titles, trainingsPerSeed } from './controls_seed.ts';
import { figureLine, figureTable, type Row, rowsAsJson } from './figures.ts';
import { type ExperimentRequest, openSeries } from './series.ts';
import { withEngine } from './trained.ts';

/**
 * Trains the embedded default and its controls for every seed and prints one table and the gates.
 * @returns the exit code: 1 where a gate is missed.
 */
export async function runControls(request: ExperimentRequest, progress: Progress): Promise<number> {
  const { config, seeds, json, banner } = request;
  const start = performance.now();
  if (banner) progress.note(banner);
  await ensureAdapter({ adapter: config.adapter ?? undefined });
  await prepareData(config);
  const styleRoot = await drawStyle(config);
  const { data } = config;
  const dataset = await openDataset(config.dataset, data.root, data.trainSplit);
  const { dense, adapter } = await withEngine(config, async (engine) => ({
    dense: await denseClip(engine, config),
    adapter: engine.gpu.device.name,
  }));
  progress.note(
    `adapter ${adapter}; evaluation on ${data.valSplit}; background threshold of dense CLIP ${dense.threshold.toFixed(3)}, chosen on tune`,
  );
  progress.note(`${titles.dense_clip}: ${figureLine(dense.figures)}`);
  const series = openSeries(trainingsPerSeed * seeds.length, progress);
  const perSeed: SeedFigures[] = [];
  for (const seed of seeds) {
    perSeed.push(await controlsOfSeed({ ...config, seed }, { dataset, styleRoot, series, progress }));
  }
  const rows: Row[] = (Object.keys(titles) as ControlKey[]).map((key) => ({
    key,
    title: titles[key],
    figures: key === 'dense_clip' ? [dense.figures] : perSeed.map((figures) => figures[key]),
  }));
  const judged = judge(rows);
  const seconds = (performance.now() - start) / 1000;
  progress.note(
    `\n${figureTable(rows)}\n\n${gateTable(judged)}\n\nseeds ${seeds.join(', ')}: ${formatDuration(seconds)}`,
  );
  if (json !== null) {
    const content = {
      adapter,
      split: data.valSplit,
      seeds,
      seconds: Math.round(seconds),
      threshold: dense.threshold,
      rows: rowsAsJson(rows),
      gates: judged,
      config,
    };
    await writeJson(json, content);
  }
  return judged.every(({ pass }) => pass) ? 0 : 1;
}

/** Validation scenes of the same layouts in the style of an icon set that nothing was trained on; their root. */
async function drawStyle({ data }: RunConfig): Promise<string> {
  const folder = `${embeddedCache(data.crop)}-openmoji`;
  const atlas = await buildStyleAtlas(folder, 'openmoji');
  return ensureEmbeddedVoc(folder, { seed: 0, size: data.crop, ...defaultCounts, trainCount: 0, atlas });
}
