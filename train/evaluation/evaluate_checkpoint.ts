import { checkOutputFile } from '../../engine/host/output_file.ts';
import { loadModelFile } from '../checkpoint.ts';
import { datasetInfo } from '../data/datasets/info.ts';
import { prepareData } from '../embedded/prepare.ts';
import { imageProgress } from '../io/image_progress.ts';
import { makeOutputFolder } from '../io/output.ts';
import { saveEvaluation } from '../run_folder.ts';
import { carriedText, openSavedModel } from '../saved_model.ts';
import { initialWeights } from '../weights.ts';
import { evaluateRun } from './evaluate_run.ts';
import { type EvalRequest, resolveEval } from './resolve.ts';
import { evaluationTable } from './table.ts';

/** Evaluates a checkpoint on a split, says the table, and writes metrics and pictures where asked. @returns the exit code. */
export async function evaluateCheckpoint(request: EvalRequest, say: (text: string) => void): Promise<number> {
  const { checkpoint: file, showDir, json } = request;
  if (json !== null) checkOutputFile(json, '--json');
  if (showDir !== null) await makeOutputFolder(showDir, '--show-dir');
  const weights = await loadModelFile(file);
  const { config, banner, carried } = resolveEval(request, weights);
  if (banner) say(banner);
  await prepareData(config);
  const model = await openSavedModel(weights, config, async (engine) =>
    carried
      ? carriedText(weights, config)
      : (await initialWeights(engine, config, datasetInfo(config.dataset))).text,
  );
  try {
    const pictures = showDir === null ? null : { folder: showDir, count: Number.POSITIVE_INFINITY };
    const progress = imageProgress(process.stdout, 'evaluated');
    const report = await evaluateRun({ ...model, weights: model.store }, pictures, { progress });
    say(evaluationTable(report, config.train.mode));
    if (json !== null) await saveEvaluation(json, weights.step, report);
    return 0;
  } finally {
    await model.close();
  }
}
