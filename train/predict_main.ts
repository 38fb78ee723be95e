import { runCommand } from '../engine/command.ts';
import { parsePredict } from './cli_predict.ts';
import { predict } from './predict/run.ts';

/** `npm run predict`: segments pictures into classes of any names. */
await runCommand((argv) => predict(parsePredict(argv), console.log));
