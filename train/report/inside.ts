import type { Engine } from '../../engine/engine.ts';
import { cast, concat, reshape, resize } from '../../engine/ops/index.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { cascadeMasks } from '../../model/cascade.ts';
import { noDropout } from '../../model/dropout.ts';
import { gaussianKey, parameterSpecs } from '../../model/parameters.ts';
import { ParameterStore } from '../../model/store.ts';
import { visionTower } from '../../model/vision.ts';
import type { StateDict } from '../../model/weights/tensor_file.ts';
import type { RunConfig } from '../config/config.ts';
import type { DatasetInfo } from '../data/datasets/info.ts';
import type { EvalSample } from '../data/loader.ts';
import { startingWeights } from '../weights.ts';
import { cosineMaps, linearCka, minMax, patchCosineMap } from './analysis.ts';
import type { Example } from './examples.ts';
import { colourMap, pngUri, shownSize } from './picture.ts';
import type { Alignment, MapPanel, SimilarityMaps, StageWeights } from './report_data.ts';

/** A model as it is now and as it was at step 0. */
export interface Trained {
  engine: Engine;
  config: RunConfig;
  info: DatasetInfo;
  /** Embeddings (C, D) of all classes. */
  text: Tensor;
  before: ParameterStore;
  after: ParameterStore;
}

/** The most classes of an image that get a row of maps. */
const mostClasses = 4;

/** The weights a run started from: frozen ones are still the same, the others come from the seed or `train.startFrom`. */
export async function weightsBefore(
  engine: Engine,
  after: ParameterStore,
  { model, train, seed }: RunConfig,
): Promise<ParameterStore> {
  const specs = parameterSpecs(model);
  const given: StateDict = train.startFrom ? await startingWeights(train.startFrom, specs) : new Map();
  for (const { name, shape, trainable, inert } of specs) {
    if (trainable || inert || given.has(name)) continue;
    const data = (await after.get(name).read()) as Float32Array<ArrayBuffer>;
    given.set(name, { dtype: 'F32', shape: [...shape], data });
  }
  return new ParameterStore(engine, specs, given, seed);
}

/** The weights of each stage's blocks, as the paper's NGA learns them. */
export async function stageWeights({ config, before, after }: Trained): Promise<StageWeights[]> {
  const own = async (store: ParameterStore, stage: number): Promise<number[]> => [
    ...(await store.get(`decode_head.${gaussianKey(stage)}`).read()),
  ];
  const { stages, aggregation } = config.model;
  return Promise.all(
    stages.map(async (blocks, stage) => ({
      blocks: blocks.map((block) => block + 1),
      weights:
        blocks.length > 1 && aggregation !== 'concat'
          ? { before: await own(before, stage), after: await own(after, stage) }
          : null,
    })),
  );
}

/** Linear CKA of the tapped patch features over the tokens of some images. */
export async function layerAlignment(trained: Trained, samples: readonly EvalSample[]): Promise<Alignment> {
  const { engine, config } = trained;
  let tokens = 0;
  const similarity = async (store: ParameterStore): Promise<number[][]> => {
    const taps = engine.scope(() => {
      const towers = samples.map((sample) => engine.scope(() => tapsOf(trained, store, sample).laterals));
      return towers[0].map((_, tap) => concat({ parts: towers.map((laterals) => laterals[tap]), axis: 0 }));
    });
    tokens = taps[0].shape[0];
    const found = await linearCka(engine, taps);
    for (const tensor of taps) tensor.dispose();
    return found;
  };
  return {
    blocks: config.model.stages.flat().map((block) => block + 1),
    before: await similarity(trained.before),
    after: await similarity(trained.after),
    images: samples.length,
    tokens,
  };
}

/** The tapped patch features of one image, each (N, D), and their grid. */
function tapsOf({ engine, config }: Trained, store: ParameterStore, sample: EvalSample) {
  const image = engine.tensor(sample.image, [1, 3, sample.height, sample.width]);
  const { laterals, rows, cols } = visionTower(
    engine,
    image,
    store.under('backbone'),
    config.model,
    noDropout,
  );
  const flat = (x: Tensor): Tensor => reshape({ x: cast({ x, dtype: 'f32' }), shape: x.shape.slice(1) });
  return { rows, cols, laterals: laterals.map(flat) };
}

/**
 * Similarity maps of one image: class by class that of text and patch in the last block, before and after
 * training, with the mask logits of each decoder and their sum; and that of one patch with all others, block by
 * block.
 */
export async function similarityMaps(trained: Trained, example: Example): Promise<SimilarityMaps> {
  const { engine, config, info, text } = trained;
  const { sample, truth } = example;
  const size = shownSize(sample.originalHeight, sample.originalWidth);
  const { patch } = config.model.vision;
  const rows = Math.floor(sample.height / patch);
  const cols = Math.floor(sample.width / patch);
  const present = info.classes.map((_, id) => id).filter((id) => truth.includes(id));
  const chosen = choosePatch(example, rows, cols);

  const maps = await engine.fetch(() => {
    const named: Record<string, Tensor> = {};
    const keep = (name: string, x: Tensor): void => {
      named[name] = resize({ x, ...size });
    };
    const last = (store: ParameterStore): Tensor => {
      const { laterals } = tapsOf(trained, store, sample);
      return cosineMaps({ features: laterals.at(-1)!, rows, cols }, text);
    };
    keep('CLIP · text before', last(trained.before));
    keep('CLIP · text after', last(trained.after));
    for (const [name, mask] of stageMasks(trained, sample)) {
      keep(name, reshape({ x: mask, shape: mask.shape.slice(1) }));
    }
    const { laterals } = tapsOf(trained, trained.after, sample);
    for (const [tap, features] of laterals.entries()) {
      const block = config.model.stages.flat()[tap] + 1;
      const map = patchCosineMap({ features, rows, cols }, chosen.row * cols + chosen.col);
      keep(`block ${block}`, reshape({ x: map, shape: [1, rows, cols] }));
    }
    return named;
  });

  const pixels = size.height * size.width;
  const draw = (title: string, plane: number, of: string): Promise<MapPanel> =>
    mapPanel(title, maps[title].subarray(plane * pixels, (plane + 1) * pixels), size, of);
  const titles = Object.keys(maps);
  const isBlock = (title: string): boolean => title.startsWith('block ');
  const all = (wanted: string[], plane: number, of: string): Promise<MapPanel[]> =>
    Promise.all(wanted.map((title) => draw(title, plane, of)));
  const { originalHeight, originalWidth, rgb, name } = sample;
  return {
    name,
    height: originalHeight,
    width: originalWidth,
    image: {
      title: 'image',
      alt: `image ${name}`,
      uri: await pngUri({ height: originalHeight, width: originalWidth, data: rgb }),
    },
    classes: await Promise.all(
      present.slice(0, mostClasses).map(async (id) => ({
        name: info.classes[id],
        unseen: info.novel.includes(id),
        maps: await all(
          titles.filter((title) => !isBlock(title)),
          id,
          info.classes[id],
        ),
      })),
    ),
    patch: {
      left: chosen.col / cols,
      top: chosen.row / rows,
      width: 1 / cols,
      height: 1 / rows,
      className: info.classes[chosen.label],
      maps: await all(titles.filter(isBlock), 0, 'the marked patch'),
    },
  };
}

/** Mask logits (1, C, rows, cols) of every decoder and of all together. */
function stageMasks({ engine, config, text, after }: Trained, sample: EvalSample): [string, Tensor][] {
  const image = engine.tensor(sample.image, [1, 3, sample.height, sample.width]);
  const found: [string, Tensor][] = [];
  const masks = cascadeMasks(engine, { image, text, masks: noDropout }, after, config.model, (name, mask) => {
    const stage = /^mask(\d+)$/.exec(name)?.[1];
    if (stage !== undefined) found.push([`decoder ${Number(stage) + 1}`, mask]);
  });
  return [...found, ['sum of decoders', masks]];
}

async function mapPanel(
  title: string,
  values: ArrayLike<number>,
  size: { height: number; width: number },
  of: string,
): Promise<MapPanel> {
  const { low, high, scaled } = minMax(values);
  const uri = await pngUri(colourMap(scaled, size.height, size.width));
  return { title, low, high, uri, alt: `${title}: similarity with ${of}` };
}

/** The patch under the pixel of the image's largest class that lies nearest to the middle of that class. */
export function choosePatch(
  { truth, sample }: Pick<Example, 'truth' | 'sample'>,
  rows: number,
  cols: number,
) {
  const { originalHeight: height, originalWidth: width } = sample;
  const places = new Map<number, number[]>();
  for (const [pixel, label] of truth.entries()) {
    if (label === 255) continue;
    const own = places.get(label);
    if (own) own.push(pixel);
    else places.set(label, [pixel]);
  }
  const [label, pixels] = [...places].reduce((a, b) => (b[1].length > a[1].length ? b : a));
  const x = (pixel: number): number => pixel % width;
  const y = (pixel: number): number => Math.floor(pixel / width);
  const middleX = pixels.reduce((sum, pixel) => sum + x(pixel), 0) / pixels.length;
  const middleY = pixels.reduce((sum, pixel) => sum + y(pixel), 0) / pixels.length;
  const distance = (pixel: number): number => (x(pixel) - middleX) ** 2 + (y(pixel) - middleY) ** 2;
  const nearest = pixels.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return {
    label,
    row: Math.floor((y(nearest) / height) * rows),
    col: Math.floor((x(nearest) / width) * cols),
  };
}
