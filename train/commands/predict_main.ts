import { predict } from '../predict/run.ts';
import { parsePredict } from './predict.ts';
import { runModelCommand } from './run_command.ts';

/** `npm run predict`: segments pictures into classes of any names. */
await runModelCommand((argv) => predict(parsePredict(argv), console.log));
