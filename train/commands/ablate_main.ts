import { runCommand } from '../../engine/command.ts';
import { runAblation } from '../experiment/ablate.ts';
import { seriesProgress } from '../experiment/series.ts';
import { parseAblate } from './cli_ablate.ts';

/** `npm run ablate`. */
await runCommand((argv) => runAblation(parseAblate(argv), seriesProgress(process.stdout)));
