import { reportRun } from '../report/report_run.ts';
import { parseReport } from './report.ts';
import { runModelCommand } from './run_command.ts';

/** `npm run report`. */
await runModelCommand((argv) => reportRun(parseReport(argv), console.log));
