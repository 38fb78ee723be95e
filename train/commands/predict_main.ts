import { runCommand } from '../../engine/command.ts';
import { predict } from '../predict/run.ts';
import { parsePredict } from './cli_predict.ts';

/** `npm run predict`: segments pictures into classes of any names. */
await runCommand((argv) => predict(parsePredict(argv), console.log));
