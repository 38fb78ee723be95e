import { checkOutputFile } from '../../engine/host/output_file.ts';
import { loadCheckpoint } from '../checkpoint.ts';
import type { RunConfig } from '../config/config.ts';
import { applyOverrides, type Override } from '../config/set.ts';
import { datasetInfo } from '../data/datasets/info.ts';
import { prepareData } from '../embedded/prepare.ts';
import { evaluateRun } from '../evaluation/evaluate_run.ts';
import { withoutDrawing } from '../evaluation/resolve.ts';
import { refuseOtherMode } from '../given_weights.ts';
import { imageProgress } from '../io/image_progress.ts';
import { type LatestCheckpoint, readCheckpointOf } from '../run_checkpoints.ts';
import { type RunFolder, saveEvaluation } from '../run_folder.ts';
import { carriedText, openSavedModel } from '../saved_model.ts';
import { watchEvaluation } from './examples.ts';
import { readRunHistory } from './run_history.ts';
import { reportFile, writeReport } from './write_report.ts';

/** A report as it is asked for; {@link resolveReport} makes it a configuration. */
export interface ReportRequest {
  folder: RunFolder;
  /** The run's latest checkpoint. */
  checkpoint: LatestCheckpoint;
  overrides: Override[];
}

/**
 * Evaluates the latest checkpoint of a run and writes `eval.json` and `report.html`.
 * @returns the exit code.
 * @throws DataError where the log is none or the files could not be written, before the work.
 */
export async function reportRun(request: ReportRequest, say: (text: string) => void): Promise<number> {
  const { folder, checkpoint } = request;
  if (checkpoint.note !== null) say(checkpoint.note);
  const history = readRunHistory(folder.log);
  for (const result of [folder.evaluation, reportFile(folder)]) checkOutputFile(result, null);
  const { tensors, step, config: saved } = await readCheckpointOf(folder, checkpoint.file, loadCheckpoint);
  const config = resolveReport(request, saved);
  await prepareData(config);
  const weights = { file: checkpoint.file, step, config: saved, tensors };
  const model = await openSavedModel(weights, config, () => carriedText(weights, config));
  try {
    const watch = watchEvaluation(datasetInfo(config.dataset), config.model.vision.patch);
    const hooks = { ...watch.hooks, progress: imageProgress(process.stdout, 'evaluated') };
    const evaluation = await evaluateRun({ ...model, weights: model.store }, null, hooks);
    await saveEvaluation(folder.evaluation, step, evaluation);
    say(`report in ${await writeReport({ ...model, step, folder, evaluation, watch, history })}`);
    return 0;
  } finally {
    await model.close();
  }
}

/** The configuration of a report: that of the run, with what the overrides change. */
export function resolveReport({ checkpoint, overrides }: ReportRequest, saved: RunConfig): RunConfig {
  refuseOtherMode(checkpoint.file, overrides, saved);
  return applyOverrides(withoutDrawing(saved, overrides), overrides);
}
