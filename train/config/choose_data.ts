import { ConfigError } from '../../engine/errors.ts';
import type { DatasetName } from './config.ts';
import { defaultClip, defaultRoot, embeddedClip, embeddedRoot } from './presets.ts';

/** What the user said about the data; undefined where nothing was said. */
export interface DataOptions {
  dataset: DatasetName;
  root?: string;
  /** null: explicitly no CLIP weights, the image tower starts at random. */
  clip?: string | null | undefined;
  /** true asks for the embedded miniature, false forbids it. */
  embedded?: boolean;
  /** Side in pixels of the crops; embedded scenes are drawn that large. */
  crop?: number;
}

/** The data a run uses. */
export interface DataChoice {
  embedded: boolean;
  root: string;
  clip: string | null;
  /** A line the user must not miss; null where the run is what it looks like. */
  banner: string | null;
}

/**
 * Decides between a benchmark on disk with CLIP's weights and the embedded default: the benchmark when both
 * are given or in their default places, the embedded default when neither is.
 * @param options the paths given are there.
 * @param exists whether there is a file or folder of that name.
 * @throws ConfigError where only one of the two is there, or neither and the data set has no miniature.
 */
export function chooseData(options: DataOptions, exists: (path: string) => boolean): DataChoice {
  const { dataset } = options;
  if (options.embedded === true) return embeddedChoice('as asked for', options, exists);
  const root = options.root ?? whenThere(defaultRoot(dataset), exists);
  const clip = options.clip === undefined ? whenThere(defaultClip, exists) : options.clip;
  if (root !== undefined && clip !== undefined) {
    const banner = clip === null ? 'NO CLIP WEIGHTS, as asked for: the image tower starts at random' : null;
    return { embedded: false, root, clip, banner };
  }
  const neither = `neither ${defaultRoot(dataset)} nor ${defaultClip} is there`;
  const bothMissing = root === undefined && clip === undefined;
  if (bothMissing && dataset === 'voc20' && options.embedded === undefined) {
    return embeddedChoice(neither, options, exists);
  }
  const instead = dataset === 'voc20' ? '; --set data.embedded=true runs the embedded miniature' : '';
  const hint = `Put what is missing there, or pass --data-root DIR and --clip FILE${instead}`;
  if (bothMissing) throw new ConfigError(`no data for ${dataset}: ${neither}`, hint);
  if (root !== undefined) {
    throw new ConfigError(`the data set ${root} is there, CLIP's weights are not: no ${defaultClip}`, hint);
  }
  if (clip !== null) {
    throw new ConfigError(
      `CLIP's weights ${clip} are there, the data set is not: no ${defaultRoot(dataset)}`,
      hint,
    );
  }
  throw new ConfigError(
    `no data for ${dataset}: no ${defaultRoot(dataset)} (data.clip is null: CLIP's weights are not wanted)`,
    `Put the data set there, or pass --data-root DIR${instead}`,
  );
}

/** The line that says that a run is not what its data set's name promises. */
export function embeddedBanner(reason: string, weights: string | null): string {
  const tower = weights === null ? 'an image tower that starts at random' : `weights of ${weights}`;
  return `EMBEDDED DEFAULT (${reason}): NOT Pascal VOC but its 20 classes drawn with icons, on a miniature CLIP with ${tower}`;
}

function embeddedChoice(reason: string, options: DataOptions, exists: (path: string) => boolean): DataChoice {
  if (options.dataset !== 'voc20') {
    throw new ConfigError(
      `the embedded miniature holds voc20 only, not ${options.dataset}`,
      'Use --dataset voc20, or leave data.embedded out',
    );
  }
  const root = embeddedRoot(options.crop);
  if (options.root !== undefined && options.root !== root) {
    throw new ConfigError(
      `data.root is ${options.root}, but embedded scenes were asked for, and they are drawn into ${root}`,
      'For the embedded scenes leave --data-root out; for data of your own leave data.embedded out',
    );
  }
  const clip = options.clip === undefined ? (whenThere(embeddedClip, exists) ?? null) : options.clip;
  return { embedded: true, root, clip, banner: embeddedBanner(reason, clip) };
}

function whenThere(path: string, exists: (path: string) => boolean): string | undefined {
  return exists(path) ? path : undefined;
}
