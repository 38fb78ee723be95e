import { Command } from 'commander';
import { parseArguments, runCommand } from '../engine/command.ts';
import { createEngine } from '../engine/create.ts';
import { ensureAdapter } from '../engine/doctor/ensure.ts';
import { ConfigError } from '../engine/errors.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { ParameterStore } from '../model/store.ts';
import { loadCheckpoint, modelTensors, textTensor } from './checkpoint.ts';
import { engineOptions } from './config.ts';
import { datasetInfo } from './datasets/info.ts';
import { evaluateRun } from './evaluate_run.ts';
import { watchEvaluation } from './report/examples.ts';
import { writeReport } from './report/write_report.ts';
import { prepareData } from './run.ts';
import { latestCheckpoint, runFolder, saveEvaluation } from './run_folder.ts';

/** `npm run report`: evaluates the latest checkpoint of a run and writes `eval.json` and `report.html`. */
await runCommand(async (argv) => {
  const command = new Command('npm run report --')
    .description(
      'Evaluate the latest checkpoint of a run and write eval.json and report.html into its folder.',
    )
    .usage('--work-dir DIR')
    .option('--work-dir <DIR>', 'folder of the run');
  const { workDir } = parseArguments(command, argv).opts<{ workDir?: string }>();
  if (!workDir) throw new ConfigError('--work-dir is missing', 'Pass --work-dir DIR, the folder of a run');
  const folder = runFolder(workDir);
  const file = latestCheckpoint(folder);
  if (file === null) throw new ConfigError(`--work-dir ${workDir}: holds no checkpoint`, 'Check the path');
  const { config, step, tensors } = await loadCheckpoint(file);
  await ensureAdapter({ adapter: config.adapter ?? undefined });
  await prepareData(config);
  const engine = await createEngine(nodePlatform(), engineOptions(config));
  try {
    const info = datasetInfo(config.dataset);
    const specs = parameterSpecs(config.model);
    const store = new ParameterStore(engine, specs, modelTensors(file, tensors, specs), config.seed);
    const values = textTensor(file, tensors, [info.classes.length, config.model.vision.embedDim]);
    const text = engine.tensor(values.data as Float32Array<ArrayBuffer>, values.shape);
    const watch = watchEvaluation(info, config.model.vision.patch);
    const evaluation = await evaluateRun({ engine, weights: store, config, text }, null, watch.hooks);
    await saveEvaluation(folder.evaluation, step, evaluation);
    console.log(
      `report in ${await writeReport({ engine, store, config, text, step, folder, evaluation, watch })}`,
    );
    return 0;
  } finally {
    await engine.close();
  }
});
