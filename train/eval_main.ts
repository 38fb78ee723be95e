import { runCommand } from '../engine/command.ts';
import { createEngine } from '../engine/create.ts';
import { ensureAdapter } from '../engine/doctor/ensure.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { ParameterStore } from '../model/store.ts';
import { loadCheckpoint, modelTensors, textTensor } from './checkpoint.ts';
import { parseEval, resolveEval } from './cli_eval.ts';
import { engineOptions } from './config.ts';
import { datasetInfo } from './datasets/info.ts';
import { evaluateRun } from './evaluate_run.ts';
import { prepareData } from './run.ts';
import { saveEvaluation } from './run_folder.ts';
import { evaluationTable } from './table.ts';
import { initialWeights } from './weights.ts';

/** `npm run eval`: evaluates a checkpoint on a split, prints the table, writes pictures where asked. */
await runCommand(async (argv) => {
  const request = parseEval(argv);
  const { checkpoint: file, showDir, json } = request;
  const checkpoint = await loadCheckpoint(file);
  const { config, banner } = resolveEval(request, checkpoint.config);
  if (banner) console.log(banner);
  await ensureAdapter({ adapter: config.adapter ?? undefined });
  await prepareData(config);
  const info = datasetInfo(config.dataset);
  const specs = parameterSpecs(config.model);
  const tensors = modelTensors(file, checkpoint.tensors, specs);
  const engine = await createEngine(nodePlatform(), engineOptions(config));
  try {
    const store = new ParameterStore(engine, specs, tensors, config.seed);
    const own = config.dataset === checkpoint.config.dataset && config.data.textEmbeddings === null;
    const values = own
      ? textTensor(file, checkpoint.tensors, [info.classes.length, config.model.vision.embedDim])
      : (await initialWeights(engine, config, info)).text;
    const text = engine.tensor(values.data as Float32Array<ArrayBuffer>, values.shape);
    const pictures = showDir === null ? null : { folder: showDir, count: Number.POSITIVE_INFINITY };
    const report = await evaluateRun({ engine, weights: store, config, text }, pictures);
    if (json !== null) await saveEvaluation(json, checkpoint.step, report);
    console.log(evaluationTable(report));
    return 0;
  } finally {
    await engine.close();
  }
});
