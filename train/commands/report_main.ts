import { loadCheckpoint } from '../checkpoint.ts';
import { datasetInfo } from '../data/datasets/info.ts';
import { evaluateRun } from '../evaluation/evaluate_run.ts';
import { imageProgress } from '../io/image_progress.ts';
import { watchEvaluation } from '../report/examples.ts';
import { writeReport } from '../report/write_report.ts';
import { prepareData } from '../run.ts';
import { saveEvaluation } from '../run_folder.ts';
import { carriedText, openSavedModel } from '../saved_model.ts';
import { parseReport, resolveReport } from './cli_report.ts';
import { runModelCommand } from './run_command.ts';

/** `npm run report`: evaluates the latest checkpoint of a run and writes `eval.json` and `report.html`. */
await runModelCommand(async (argv) => {
  const request = parseReport(argv);
  const { folder, checkpoint: file } = request;
  const { tensors, step, config: saved } = await loadCheckpoint(file);
  const config = resolveReport(request, saved);
  await prepareData(config);
  const weights = { file, step, config: saved, tensors };
  const model = await openSavedModel(weights, config, () => carriedText(weights, config));
  try {
    const watch = watchEvaluation(datasetInfo(config.dataset), config.model.vision.patch);
    const hooks = { ...watch.hooks, progress: imageProgress(process.stdout, 'evaluated') };
    const evaluation = await evaluateRun({ ...model, weights: model.store }, null, hooks);
    await saveEvaluation(folder.evaluation, step, evaluation);
    console.log(`report in ${await writeReport({ ...model, step, folder, evaluation, watch })}`);
    return 0;
  } finally {
    await model.close();
  }
});
