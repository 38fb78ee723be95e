import { runControls } from '../experiment/controls.ts';
import { seriesProgress } from '../experiment/series.ts';
import { experimentCommand, readExperiment } from './experiment.ts';
import { runModelCommand } from './run_command.ts';

const command = experimentCommand(
  'controls',
  'Train the embedded default and the controls that must fail; exit code 1 where a gate is missed.',
);

/** `npm run controls`. */
await runModelCommand((argv) => runControls(readExperiment(command, argv), seriesProgress(process.stdout)));
