import { ConfigError } from '../../engine/errors.ts';
import { nearestName } from '../../engine/host/nearest_name.ts';
import type { AblateRequest } from '../experiment/ablate.ts';
import { type Variant, variants } from '../experiment/ablate_rows.ts';
import { experimentCommand, readExperiment } from './experiment.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * Reads the command line of `npm run ablate` (without node and script).
 * @throws ConfigError for anything wrong in it, HelpRequest for `--help`.
 */
export function parseAblate(argv: string[], around?: Surroundings): AblateRequest {
  const command = experimentCommand(
    'ablate',
    "Train the variants of the paper's ablations on the embedded default and compare them.",
  ).option('--rows <LIST>', `only these: ${variants.map(({ key }) => key).join(', ')}`);
  const request = readExperiment(command, argv, around);
  const { rows } = command.opts<{ rows?: string }>();
  return { ...request, variants: rows === undefined ? variants : chosen(rows) };
}

function chosen(list: string): Variant[] {
  const keys = list.split(',').map((key) => key.trim());
  const known = variants.map(({ key }) => key);
  const unknown = keys.find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new ConfigError(
      `--rows ${list}: there is no row '${unknown}'; did you mean ${nearestName(unknown, known)}?`,
      `Rows: ${known.join(', ')}`,
    );
  }
  return variants.filter(({ key }) => keys.includes(key));
}
