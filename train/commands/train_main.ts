import { runCommand } from '../../engine/command.ts';
import { train } from '../run.ts';
import { parseTrain } from './cli_train.ts';

/** `npm run train`: exit code 0 when the schedule (or `--stop-at`) was reached, 130 after an interruption. */
await runCommand((argv) => train(parseTrain(argv)));
