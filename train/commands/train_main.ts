import { train } from '../run.ts';
import { runModelCommand } from './run_command.ts';
import { parseTrain } from './train.ts';

/** `npm run train`: exit code 0 when the schedule (or `--stop-at`) was reached, 130 after an interruption. */
await runModelCommand((argv) => train(parseTrain(argv)));
