import { Command, InvalidArgumentError } from 'commander';
import { ConfigError } from '../../engine/errors.ts';
import { parseArguments } from '../../engine/host/command.ts';
import { refuseUnread, settingsAfterTraining } from '../config/set.ts';
import { backgroundName, namesInList, readNames, sameName } from '../predict/class_names.ts';
import type { PredictRequest } from '../predict/resolve.ts';
import { addSettingFlags, common, pathArgument, readOverrides, settingsHelp } from './flags.ts';
import { realSurroundings, requireCheckpoint, requireFiles, type Surroundings } from './surroundings.ts';

const flags = [
  { ...common.dataset, help: 'benchmark that weights without configuration (.pth) were trained for' },
  common.mode,
  common.clip,
  common.adapter,
  common.precision,
];

const examples = `
Without --classes the classes of the run's data set are looked for.

Examples:
  npm run predict -- --checkpoint runs/first/checkpoints/best.safetensors --images photos --classes "cat,dog,traffic light"
  npm run predict -- --checkpoint best.safetensors --images a.jpg b.png --classes-file names.txt --background 0.4
  npm run predict -- --checkpoint voc_release.pth --dataset voc20 --clip ViT-B-16.pt --images photos --classes "tree,sky"
`;

/**
 * Reads the command line of `npm run predict` (without node and script), and the file of class names.
 * @throws ConfigError for anything wrong in it, DataError for a file that cannot be read, HelpRequest for `--help`.
 */
export function parsePredict(argv: string[], around: Surroundings = realSurroundings): PredictRequest {
  const command = predictCommand();
  parseArguments(command, argv);
  const overrides = readOverrides(command, flags);
  refuseUnread(overrides, settingsAfterTraining);
  const options = command.opts<{
    checkpoint?: string;
    images?: string[];
    classes?: string;
    classesFile?: string;
    out: string;
    background?: boolean | number;
  }>();
  const { images, classes, classesFile, out, background = false } = options;
  const checkpoint = requireCheckpoint(options.checkpoint, around);
  if (images === undefined) {
    throw new ConfigError('--images is missing', 'Pass --images PATH..., pictures or folders of pictures');
  }
  if (classes !== undefined && classesFile !== undefined) {
    throw new ConfigError('--classes and --classes-file are both given', 'Leave one of them out');
  }
  requireFiles(overrides, around);
  const names =
    classesFile !== undefined ? readNames(classesFile) : classes === undefined ? null : namesInList(classes);
  if (background !== false && names?.some((name) => sameName(name, backgroundName))) {
    throw new ConfigError(
      `'${backgroundName}' is a class, and --background leaves pixels to the background`,
      'Leave one of them out',
    );
  }
  if (names?.length === 1 && background === false) {
    throw new ConfigError(
      `'${names[0]}' is the only class: every pixel would be of it`,
      'Name what else there may be, such as "sky,road", or let pixels be background with --background',
    );
  }
  return { checkpoint, images, names, out, background, overrides };
}

function thresholdArgument(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError(`'${text}' is no number from 0 to 1.`);
  return value;
}

function predictCommand(): Command {
  const command = new Command('npm run predict --')
    .description('Segment pictures into classes of any names.')
    .usage('--checkpoint FILE --images PATH... [--classes LIST] [flags]')
    .option('--checkpoint <FILE>', 'checkpoint of npm run train, or published weights (.pth)', pathArgument)
    .option('--images <PATH...>', 'pictures, and folders whose pictures are taken')
    .option('--classes <LIST>', 'class names, separated by commas')
    .option(
      '--classes-file <FILE>',
      'class names, one a line; lines that begin with # do not count',
      pathArgument,
    )
    .option(
      '--background [THRESHOLD]',
      "pixels may be background: where no class scores above THRESHOLD, by default the run's (0.5 outside the miniature, our choice: published results ignore background)",
      thresholdArgument,
    )
    .option('--out <DIR>', 'folder of the results', pathArgument, 'predictions');
  return addSettingFlags(command, flags).addHelpText('after', examples + settingsHelp(settingsAfterTraining));
}
