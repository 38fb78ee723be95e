import { Random } from '../../engine/random.ts';
import type { TrainingMode } from '../config/schema.ts';
import type { Work } from '../threads/pool.ts';
import type { DatasetItem } from './datasets/dataset.ts';
import type { DatasetInfo } from './datasets/define.ts';
import { type AugmentOptions, augment } from './image/augment.ts';
import { shortSideSize } from './image/geometry.ts';
import { imagenetNormalisation } from './image/normalise.ts';
import { type TestImage, testImage } from './image/test_image.ts';
import { readItem } from './labelled_image.ts';
import { classTable, mapLabels, trainingTable } from './labels.ts';

interface CommonSetup {
  info: DatasetInfo;
  items: DatasetItem[];
}

/** What decides every training batch; passes to threads as it is. */
export interface TrainSetup extends CommonSetup {
  kind: 'train';
  mode: TrainingMode;
  seed: number;
  /** B, samples in a batch. */
  batch: number;
  augment: AugmentOptions;
}

/** What decides every evaluation sample; passes to threads as it is. */
export interface EvalSetup extends CommonSetup {
  kind: 'eval';
  /** The shorter side of a test image in pixels. */
  shortSide: number;
}

export type Setup = TrainSetup | EvalSetup;

/** The samples of one training step. */
export interface TrainBatch {
  /** (B, 3, H, W), normalised RGB. */
  images: Float32Array<ArrayBuffer>;
  /** (B, H, W), see `trainingTable` for their meaning. */
  labels: Int32Array<ArrayBuffer>;
  names: string[];
}

/** A test image, resized but not cut. */
export interface EvalSample extends TestImage {
  name: string;
  originalHeight: number;
  originalWidth: number;
  /** (originalHeight, originalWidth), values as in the mask file; see `classTable`. */
  truth: Uint8Array<ArrayBuffer>;
  /** (originalHeight, originalWidth, 3), the image as stored. */
  rgb: Uint8Array<ArrayBuffer>;
}

/** What a setup yields. */
export type Product<S extends Setup> = S extends TrainSetup ? TrainBatch : EvalSample;

/** The work of a setup, on this thread. */
export function createWork<S extends Setup>(setup: S): Work<Product<S>>;
export function createWork(setup: Setup): Work<TrainBatch> | Work<EvalSample> {
  return setup.kind === 'train' ? createTrainWork(setup) : createEvalWork(setup);
}

/** The buffers of a product, to be moved rather than copied to another thread. */
export function buffersOf(product: TrainBatch | EvalSample): ArrayBuffer[] {
  return 'images' in product
    ? [product.images.buffer, product.labels.buffer]
    : [product.image.buffer, product.truth.buffer, product.rgb.buffer];
}

/**
 * Samples follow each other as if in one endless list, epoch after epoch, each in its own random order; batch
 * k takes places k B .. k B + B - 1. The order depends on (seed, epoch), a sample on (seed, epoch, its index).
 */
function createTrainWork(setup: TrainSetup): Work<TrainBatch> {
  const { info, items, seed, batch } = setup;
  const [height, width] = setup.augment.crop;
  const toClass = classTable(info);
  const toLabel = trainingTable(setup.mode, info.seen);
  const orderOf = epochOrders(seed, items.length);

  const makeSample = async (epoch: number, index: number, image: Float32Array, labels: Int32Array) => {
    const decoded = await readItem(info, items[index]!);
    const classes = mapLabels(decoded.mask.data, toClass, new Uint8Array(decoded.mask.data.length));
    const random = new Random(seed, epoch, index);
    const mask = { ...decoded.mask, data: classes };
    augment(random, decoded.image, mask, setup.augment, imagenetNormalisation, toLabel, { image, labels });
  };

  return async (step) => {
    const images = new Float32Array(batch * 3 * height * width);
    const labels = new Int32Array(batch * height * width);
    const places = Array.from({ length: batch }, (_, slot) => {
      const place = step * batch + slot;
      const epoch = Math.floor(place / items.length);
      return { epoch, index: orderOf(epoch)[place % items.length]! };
    });
    await Promise.all(
      places.map(({ epoch, index }, slot) => {
        const pixels = slot * height * width;
        const image = images.subarray(3 * pixels, 3 * (pixels + height * width));
        return makeSample(epoch, index, image, labels.subarray(pixels, pixels + height * width));
      }),
    );
    return { images, labels, names: places.map(({ index }) => items[index]!.name) };
  };
}

/** The order of `count` items in an epoch; remembers the last two, which neighbouring batches need. */
function epochOrders(seed: number, count: number): (epoch: number) => Uint32Array {
  const orders = new Map<number, Uint32Array>();
  return (epoch) => {
    let order = orders.get(epoch);
    if (order === undefined) {
      order = new Random(seed, epoch).shuffle(Uint32Array.from({ length: count }, (_, index) => index));
      orders.set(epoch, order);
      if (orders.size > 2) orders.delete(orders.keys().next().value!);
    }
    return order;
  };
}

function createEvalWork(setup: EvalSetup): Work<EvalSample> {
  return async (index) => {
    const item = setup.items[index]!;
    const { image, mask } = await readItem(setup.info, item);
    return {
      name: item.name,
      ...testImage(image, shortSideSize(image, setup.shortSide), imagenetNormalisation),
      originalHeight: image.height,
      originalWidth: image.width,
      truth: new Uint8Array(mask.data),
      rgb: new Uint8Array(image.data),
    };
  };
}
