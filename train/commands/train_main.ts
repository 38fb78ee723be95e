import { train } from '../run.ts';
import { parseTrain } from './cli_train.ts';
import { runModelCommand } from './run_command.ts';

/** `npm run train`: exit code 0 when the schedule (or `--stop-at`) was reached, 130 after an interruption. */
await runModelCommand((argv) => train(parseTrain(argv)));
