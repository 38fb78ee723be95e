import { runAblation } from '../experiment/ablate.ts';
import { seriesProgress } from '../experiment/series.ts';
import { parseAblate } from './ablate.ts';
import { runModelCommand } from './run_command.ts';

/** `npm run ablate`. */
await runModelCommand((argv) => runAblation(parseAblate(argv), seriesProgress(process.stdout)));
