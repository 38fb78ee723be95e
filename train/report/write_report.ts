import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import { writeFileAtomic } from '../../engine/host/atomic_file.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { ParameterStore } from '../../model/store.ts';
import type { RunConfig } from '../config/config.ts';
import { datasetInfo } from '../data/datasets/info.ts';
import type { EvalReport } from '../evaluation/metrics.ts';
import type { RunFolder } from '../run_folder.ts';
import { type EvaluationWatch, type Example, examplePictures } from './examples.ts';
import { layerAlignment, similarityMaps, stageWeights, weightsBefore } from './inside.ts';
import { renderReport } from './page.ts';
import type { ReportData } from './report_data.ts';
import { type RunHistory, readRunHistory } from './run_history.ts';

/** A run that has been evaluated. */
export interface EvaluatedRun {
  engine: Engine;
  store: ParameterStore;
  config: RunConfig;
  /** Embeddings (C, D) of all classes. */
  text: Tensor;
  /** Steps done. */
  step: number;
  folder: RunFolder;
  evaluation: EvalReport;
  /** What watched that evaluation. */
  watch: EvaluationWatch;
  /** What the log tells; it is read where this is left out. */
  history?: RunHistory;
}

/** How many images get similarity maps. */
const similarityImages = 3;

/** The page of a run. */
export const reportFile = ({ root }: RunFolder): string => join(root, 'report.html');

/**
 * Writes `report.html` into a run's folder: results, pictures, curves and what happened inside the model.
 * @returns the file.
 */
export async function writeReport(run: EvaluatedRun): Promise<string> {
  const file = reportFile(run.folder);
  await writeFileAtomic(file, renderReport(await gather(run)));
  return file;
}

async function gather({ engine, store, config, text, step, ...run }: EvaluatedRun): Promise<ReportData> {
  const { watch, evaluation, folder, history } = run;
  const info = datasetInfo(config.dataset);
  if (!watch.confusion) throw new Error('the evaluation has not ended');
  const before = await weightsBefore(engine, store, config);
  const trained = { engine, config, info, text, before, after: store };
  const similarity = [];
  for (const example of richest(watch.first)) similarity.push(await similarityMaps(trained, example));
  const draw = (examples: readonly Example[]) =>
    Promise.all(examples.map((example) => examplePictures(example, info)));
  return {
    config,
    info,
    step,
    adapter: engine.gpu.device.name,
    history: history ?? readRunHistory(folder.log),
    evaluation,
    confusion: watch.confusion,
    confusionWithBackground: watch.confusionWithBackground,
    first: await draw(watch.first),
    worst: await draw(watch.worst),
    aggregation: await stageWeights(trained),
    alignment: await layerAlignment(trained, watch.samples),
    similarity,
  };
}

/** The images with most classes: they show best what is told apart. */
function richest(examples: readonly Example[]): Example[] {
  const classes = ({ truth }: Example): number => new Set(truth.filter((label) => label !== 255)).size;
  return examples
    .filter((example) => classes(example) > 0)
    .sort((a, b) => classes(b) - classes(a))
    .slice(0, similarityImages);
}
