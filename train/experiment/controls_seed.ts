import type { RunConfig } from '../config/config.ts';
import type { Dataset } from '../data/datasets/dataset.ts';
import type { Progress } from '../io/progress.ts';
import { permuteRows, shuffleMasks } from './controls_disturb.ts';
import type { ControlKey } from './controls_gates.ts';
import { type Figures, figuresOf } from './figures.ts';
import type { Series } from './series.ts';
import { type TrainedModel, type Twist, trainModel, withEngine } from './trained.ts';

/** The lines of the table, in its order. */
export const titles: Readonly<Record<ControlKey, string>> = {
  trained: 'trained model',
  dense_clip: 'dense CLIP, no segmentation training',
  random_tower: 'random image tower',
  permuted_text: 'unseen text embeddings permuted',
  shuffled_masks: 'masks shuffled across images',
  unseen_style: 'never-seen art style (openmoji)',
};

/** Trainings of a seed: the model, and the two controls that need one of their own. */
export const trainingsPerSeed = 3;

/** What the trainings of one seed give. */
export type SeedFigures = Record<Exclude<ControlKey, 'dense_clip'>, Figures>;

interface SeedContext {
  /** The training split. */
  dataset: Dataset;
  /** Root of the scenes in the never-seen style. */
  styleRoot: string;
  series: Series;
  progress: Progress;
}

/** Trains the model and the controls of the configuration's seed, and evaluates them. */
export async function controlsOfSeed(
  config: RunConfig,
  { dataset, styleRoot, series, progress }: SeedContext,
): Promise<SeedFigures> {
  const { seed } = config;
  const training = <Key extends ControlKey, Found extends Record<Key, Figures>>(
    key: Key,
    twist: Twist,
    measure: (model: TrainedModel) => Promise<Found>,
  ): Promise<Found> =>
    series.run(
      `seed ${seed}, ${titles[key]}`,
      () =>
        withEngine(config, async (engine) =>
          measure(await trainModel(engine, config, dataset, progress, twist)),
        ),
      (found) => found[key],
    );
  const plain = async (model: TrainedModel): Promise<Figures> => figuresOf(await model.evaluate());
  // permuted texts and the other style are only shown to the trained model
  const own = await training('trained', {}, async (model) => ({
    trained: await plain(model),
    permuted_text: figuresOf(
      await model.evaluate({ text: permuteRows(model.text, dataset.info.novel, seed) }),
    ),
    unseen_style: figuresOf(await model.evaluate({ root: styleRoot })),
  }));
  const withoutTower: Twist = { weights: ({ text }) => ({ tensors: new Map(), text }) };
  const random = await training('random_tower', withoutTower, async (model) => ({
    random_tower: await plain(model),
  }));
  const withOtherMasks: Twist = { data: (given) => shuffleMasks(given, seed) };
  const shuffled = await training('shuffled_masks', withOtherMasks, async (model) => ({
    shuffled_masks: await plain(model),
  }));
  return { ...own, ...random, ...shuffled };
}
