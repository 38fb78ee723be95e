import { runCommand } from '../../engine/command.ts';
import { pretrain } from '../pretrain/run.ts';
import { parsePretrain } from './cli_pretrain.ts';

/** `npm run pretrain:clip`: exit code 0 when the schedule (or `train.stopAt`) was reached, 130 after an interruption. */
await runCommand((argv) => pretrain(parsePretrain(argv)));
