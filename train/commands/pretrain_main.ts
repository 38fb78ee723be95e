import { pretrain } from '../pretrain/run.ts';
import { parsePretrain } from './pretrain.ts';
import { runModelCommand } from './run_command.ts';

/** `npm run pretrain:clip`: exit code 0 when the schedule (or `train.stopAt`) was reached, 130 after an interruption. */
await runModelCommand((argv) => pretrain(parsePretrain(argv)));
