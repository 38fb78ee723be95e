import { evaluateCheckpoint } from '../evaluation/evaluate_checkpoint.ts';
import { parseEval } from './eval.ts';
import { runModelCommand } from './run_command.ts';

/** `npm run eval`. */
await runModelCommand((argv) => evaluateCheckpoint(parseEval(argv), console.log));
