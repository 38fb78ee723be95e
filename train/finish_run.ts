import type { RunConfig } from './config/config.ts';
import { datasetInfo } from './data/datasets/info.ts';
import { evaluateRun } from './evaluation/evaluate_run.ts';
import { selectionScore } from './evaluation/metrics.ts';
import { evaluationTable } from './evaluation/table.ts';
import { imageProgress } from './io/image_progress.ts';
import { formatDuration } from './io/progress.ts';
import { improves, type LoopEnd } from './loop.ts';
import { type OpenRun, saveRun } from './open_run.ts';
import { watchEvaluation } from './report/examples.ts';
import { writeReport } from './report/write_report.ts';
import { bestCheckpointFile } from './run_checkpoints.ts';
import { type RunFolder, type RunLog, saveEvaluation } from './run_folder.ts';

/** What a finished training leaves to do. */
export interface TrainedRun {
  run: OpenRun;
  config: RunConfig;
  folder: RunFolder;
  log: RunLog;
  end: Pick<LoopEnd, 'step' | 'best'>;
  /** Seconds that the training took. */
  seconds: number;
}

/**
 * Evaluates the model of the last step, with pictures, keeps it where it is the best, prints the scores and writes the
 * report.
 */
export async function finishRun({ run, config, folder, log, end, seconds }: TrainedRun): Promise<void> {
  const start = performance.now();
  const { step, best } = end;
  const pictures = { folder: folder.overlays, count: config.eval.overlays };
  const watch = watchEvaluation(datasetInfo(config.dataset), config.model.vision.patch);
  const evaluation = await evaluateRun({ ...run, weights: run.store, config }, pictures, {
    ...watch.hooks,
    progress: imageProgress(process.stdout, 'evaluated'),
  });
  await saveEvaluation(folder.evaluation, step, evaluation);
  const score = selectionScore(evaluation);
  if (improves(score, best)) await saveRun(bestCheckpointFile(folder), run, config, step, score);
  await log.writeEvaluation(step, evaluation);
  console.log(`\n${evaluationTable(evaluation, config.train.mode)}\n`);
  const page = await writeReport({ ...run, config, step, folder, evaluation, watch });
  const evaluated = formatDuration((performance.now() - start) / 1000);
  console.log(
    `trained in ${formatDuration(seconds)}, evaluated in ${evaluated}; results in ${folder.root}, page ${page}`,
  );
}
