import type { Engine } from '../../engine/engine.ts';
import { resize } from '../../engine/ops/index.ts';
import { Random } from '../../engine/random.ts';
import { cascadeMasks } from '../../model/cascade.ts';
import { noDropout } from '../../model/dropout.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { ParameterStore } from '../../model/store.ts';
import type { RunConfig } from '../../train/config/config.ts';
import { unlabelledLabel } from '../../train/data/labels.ts';
import type { Batch } from '../../train/data/loader.ts';
import { loadAtlas } from '../../train/embedded/atlas.ts';
import { AdamW } from '../../train/optimizer.ts';
import { drawBatch } from '../../train/pretrain/batch.ts';
import { captionBook } from '../../train/pretrain/captions.ts';
import { defaultSettings } from '../../train/pretrain/settings.ts';
import { openStage } from '../../train/pretrain/stage_run.ts';
import { stagesOf } from '../../train/pretrain/stages.ts';
import { Trainer } from '../../train/trainer.ts';

/** A training that can be timed: random weights, random images, the same batch every step. */
export interface Training {
  images: number;
  /** Milliseconds that making and uploading the parameters took. */
  storeMs: number;
  step(): Promise<void>;
  /** Gives the intermediate buffers of the step back; no step may follow. */
  release(): void;
  /** Records inference on one image of the same size; null where there is none. */
  forward: (() => void) | null;
}

/** Side in pixels of the squares that random labels consist of. */
const PATCH = 16;

/**
 * Cascade-CLIP as a configuration describes it: micro-batches of `train.batch` images of `data.crop` pixels.
 * @param seen classes that training scores.
 * @param all classes that inference scores.
 */
export function openCascade(
  engine: Engine,
  config: RunConfig,
  { seen, all }: { seen: number; all: number },
): Training {
  const { batch, accumulation } = config.train;
  const { crop } = config.data;
  const { embedDim } = config.model.vision;
  const random = new Random(config.seed, 1);
  const begin = performance.now();
  const store = new ParameterStore(engine, parameterSpecs(config.model), new Map(), config.seed);
  const storeMs = performance.now() - begin;
  const text = (classes: number) => {
    const norm = Math.sqrt(embedDim);
    const values = Float32Array.from({ length: classes * embedDim }, () => random.normal() / norm);
    return engine.tensor(values, [classes, embedDim]);
  };
  const trainer = new Trainer(
    {
      context: {
        engine,
        config: config.model,
        store,
        loss: config.loss,
        text: text(seen),
        novel: null,
      },
      optimizer: new AdamW(engine, store.trainable, config.optim),
      schedule: config.schedule,
      accumulation,
      batch,
      crop,
      seed: config.seed,
      history: 1,
    },
    0,
  );
  const classes = text(all);
  const image = engine.zeros([1, 3, crop, crop]);
  const input = { image, text: classes, masks: noDropout };
  const data = Array.from({ length: accumulation }, () => randomBatch(random, batch, crop, seen));
  let steps = 0;
  return {
    images: batch * accumulation,
    storeMs,
    step: () => trainer.step(steps++, data),
    release: () => trainer.release(),
    forward: () =>
      engine.scope(() => {
        resize({ x: cascadeMasks(engine, input, store, config.model), height: crop, width: crop });
      }),
  };
}

/** Images of noise; labels in squares, some of them of no class. */
function randomBatch(random: Random, batch: number, crop: number, classes: number): Batch {
  const images = Float32Array.from({ length: batch * 3 * crop * crop }, () => random.normal());
  const labels = new Int32Array(batch * crop * crop);
  const columns = Math.ceil(crop / PATCH);
  for (let image = 0; image < batch; image++) {
    const squares = Array.from({ length: columns * columns }, () => random.integer(0, classes + 1));
    for (let y = 0; y < crop; y++) {
      for (let x = 0; x < crop; x++) {
        const drawn = squares[Math.floor(y / PATCH) * columns + Math.floor(x / PATCH)];
        labels[(image * crop + y) * crop + x] = drawn === classes ? unlabelledLabel : drawn;
      }
    }
  }
  return { images, labels, names: new Array(batch).fill('noise'), step: 0, waitMs: 0 };
}

/** Contrastive pre-training of a miniature CLIP with 4 blocks of width 128 on 37 tokens, everything trained. */
export function openMiniature(engine: Engine): Training {
  const settings = { ...defaultSettings, model: { ...defaultSettings.model, layers: 4 } };
  const { batch } = settings.train;
  const atlas = loadAtlas();
  const book = captionBook(atlas);
  const stage = stagesOf(settings).find(({ name }) => name === 'stage2')!;
  const { size, crowd, from } = stage;
  const { classShare } = settings.data;
  const data = drawBatch(atlas, book, { seed: settings.seed, batch, size, crowd, classShare }, 0);
  const begin = performance.now();
  const { trainer } = openStage({ engine, settings, atlas, book }, stage, null);
  const storeMs = performance.now() - begin;
  let steps = from;
  return {
    images: batch,
    storeMs,
    step: () => trainer.step(steps++, data, 0.01),
    release: () => trainer.dispose(),
    forward: null,
  };
}
