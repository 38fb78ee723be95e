import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { systemCause } from '../../engine/atomic_file.ts';
import { parseArguments } from '../../engine/command.ts';
import { ConfigError, DataError } from '../../engine/errors.ts';
import type { DatasetName, RunConfig } from '../config/config.ts';
import { defaultClip, embeddedClip, fullPreset } from '../config/presets.ts';
import { applyOverrides, type Override, overriddenValue } from '../config/set.ts';
import { backgroundName, namesInFile, namesInList, sameName } from '../predict/class_names.ts';
import {
  addSettingFlags,
  pathArgument,
  presetOptions,
  readOverrides,
  realSurroundings,
  requireCheckpoint,
  requireFiles,
  type Surroundings,
  settingsHelp,
  sharedFlags,
} from './cli.ts';
import {
  type GivenWeights,
  modeFlag,
  promptFacts,
  refuseOtherMode,
  unknownDataset,
  withPrompts,
} from './cli_weights.ts';

/** A prediction, as the command line asks for it; {@link resolvePredict} makes it a configuration. */
export interface PredictRequest {
  checkpoint: string;
  /** Files and folders. */
  images: string[];
  /** Names of the classes; null: those of the run's data set. */
  names: string[] | null;
  /** Folder of the results. */
  out: string;
  /** Whether pixels may be background: at the run's threshold, or at the one given. */
  background: boolean | number;
  overrides: Override[];
}

const flags = [
  {
    flag: '--dataset',
    argument: 'NAME',
    path: 'dataset',
    as: 'text' as const,
    help: 'benchmark that weights without configuration (.pth) were trained for',
  },
  modeFlag,
  ...sharedFlags.filter(({ path }) => ['data.clip', 'adapter', 'engine.precision'].includes(path)),
];

const examples = `
Without --classes the classes of the run's data set are looked for.

Examples:
  npm run predict -- --checkpoint runs/first/checkpoints/best.safetensors --images photos --classes "cat,dog,traffic light"
  npm run predict -- --checkpoint best.safetensors --images a.jpg b.png --classes-file names.txt --background 0.4
  npm run predict -- --checkpoint voc_release.pth --dataset voc20 --clip ViT-B-16.pt --images photos --classes "tree,sky"
`;

/** Of a benchmark without background, whose runs have no threshold: ours of the other two. */
const usualThreshold = 0.5;

/**
 * Reads the command line of `npm run predict` (without node and script), and the file of class names.
 * @throws ConfigError for anything wrong in it, DataError for a file that cannot be read, HelpRequest for `--help`.
 */
export function parsePredict(argv: string[], around: Surroundings = realSurroundings): PredictRequest {
  const command = parseArguments(predictCommand(), argv);
  const overrides = readOverrides(command, flags);
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

/** What a prediction is made of. */
export interface ResolvedPredict {
  config: RunConfig;
  /** CLIP's weights for names that the checkpoint has no embedding of; null where none are to be found. */
  clip: string | null;
  /** A pixel whose best score is not above this is background; null: every pixel is of a class. */
  background: number | null;
}

/**
 * The configuration of a prediction: that of the run; for weights without one the published setting of `--dataset`,
 * with as many prompts as the file holds.
 * @throws ConfigError where the data set is unknown, and where it or the mode is another one than in training.
 */
export function resolvePredict(
  { checkpoint, overrides, background }: PredictRequest,
  { config: saved, tensors }: GivenWeights,
  around: Surroundings = realSurroundings,
): ResolvedPredict {
  const asked = overriddenValue(overrides, 'dataset') as DatasetName | undefined;
  const facts = saved === null ? promptFacts(tensors, overrides) : null;
  const trainedOn = saved?.dataset ?? facts?.benchmark ?? asked;
  if (asked !== undefined && asked !== trainedOn) {
    const reason = saved === null ? `, as its ${facts!.count} prompt tokens tell` : '';
    throw new ConfigError(
      `--dataset ${asked}: ${checkpoint} was trained on ${trainedOn}${reason}`,
      saved === null
        ? `Pass --dataset ${trainedOn}; --classes takes any names`
        : 'Leave --dataset out; --classes takes any names',
    );
  }
  if (saved !== null) refuseOtherMode(checkpoint, overrides, saved);
  if (saved === null && asked === undefined) throw unknownDataset(checkpoint);
  const base = saved ?? withPrompts(fullPreset(asked!, presetOptions(overrides)), facts);
  const config = applyOverrides(base, overrides);
  const { embedded, clip } = config.data;
  const usual = embedded ? embeddedClip : defaultClip;
  const withoutClip = !embedded && clip === null && config.train.startFrom === null;
  // a run without CLIP has no text tower that belongs to it
  const candidates = withoutClip ? [] : [clip ?? usual, usual];
  const threshold = background === true ? (config.eval.backgroundThreshold ?? usualThreshold) : background;
  return {
    config,
    clip: candidates.find((path) => around.exists(path)) ?? null,
    background: threshold === false ? null : threshold,
  };
}

function readNames(file: string): string[] {
  try {
    return namesInFile(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new DataError(
      file,
      `cannot be read: ${systemCause(error)}`,
      'Check the path given for --classes-file.',
    );
  }
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
    .option('--images <PATH...>', 'pictures, and folders whose .jpg, .jpeg and .png files are taken')
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
  return addSettingFlags(command, flags).addHelpText('after', examples + settingsHelp());
}
