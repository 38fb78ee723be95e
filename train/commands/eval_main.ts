import { loadModelFile } from '../checkpoint.ts';
import { datasetInfo } from '../data/datasets/info.ts';
import { evaluateRun } from '../evaluation/evaluate_run.ts';
import { evaluationTable } from '../evaluation/table.ts';
import { imageProgress } from '../io/image_progress.ts';
import { checkOutputFile, makeOutputFolder } from '../io/output.ts';
import { prepareData } from '../run.ts';
import { saveEvaluation } from '../run_folder.ts';
import { carriedText, openSavedModel } from '../saved_model.ts';
import { initialWeights } from '../weights.ts';
import { parseEval, resolveEval } from './cli_eval.ts';
import { runModelCommand } from './run_command.ts';

/** `npm run eval`: evaluates a checkpoint on a split, prints the table, writes pictures where asked. */
await runModelCommand(async (argv) => {
  const request = parseEval(argv);
  const { checkpoint: file, showDir, json } = request;
  if (json !== null) await checkOutputFile(json, '--json');
  if (showDir !== null) await makeOutputFolder(showDir, '--show-dir');
  const weights = await loadModelFile(file);
  const { config, banner, carried } = resolveEval(request, weights.config);
  if (banner) console.log(banner);
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
    console.log(evaluationTable(report));
    if (json !== null) await saveEvaluation(json, weights.step, report);
    return 0;
  } finally {
    await model.close();
  }
});
