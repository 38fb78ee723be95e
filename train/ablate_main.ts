import { runCommand } from '../engine/command.ts';
import { runAblation } from './ablate.ts';
import { parseAblate } from './ablate_cli.ts';
import { seriesProgress } from './experiment/series.ts';

/** `npm run ablate`. */
await runCommand((argv) => runAblation(parseAblate(argv), seriesProgress(process.stdout)));
