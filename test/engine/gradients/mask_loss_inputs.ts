import { mulberry32 } from '../../../engine/gpu/run.ts';

/** Sizes of a mask-loss problem: masks (images, classes, height, width), labels at the output size. */
export interface Sizes {
  images: number;
  classes: number;
  height: number;
  width: number;
  outHeight: number;
  outWidth: number;
}

export interface Problem extends Sizes {
  masks: Float32Array<ArrayBuffer>;
  labels: Uint32Array<ArrayBuffer>;
}

/** Masks in [-6, 4) and labels of which one in eight is 255; the last class is absent where there are several. */
export function problem(sizes: Sizes, seed = 1): Problem {
  const { images, classes, height, width, outHeight, outWidth } = sizes;
  const random = mulberry32(seed);
  const masks = Float32Array.from({ length: images * classes * height * width }, () => 10 * random() - 6);
  const labels = Uint32Array.from({ length: images * outHeight * outWidth }, () =>
    random() < 0.125 ? 255 : Math.floor(random() * Math.max(1, classes - 1)),
  );
  return { ...sizes, masks, labels };
}

export const shapes: Record<string, Sizes> = {
  'factor 8': { images: 2, classes: 5, height: 6, width: 3, outHeight: 48, outWidth: 24 },
  'factors 16 and 24': { images: 1, classes: 3, height: 2, width: 4, outHeight: 32, outWidth: 96 },
  'one mask value': { images: 2, classes: 2, height: 1, width: 1, outHeight: 16, outWidth: 8 },
  'factor 3': { images: 1, classes: 4, height: 5, width: 7, outHeight: 15, outWidth: 21 },
  'no whole factor': { images: 2, classes: 3, height: 5, width: 7, outHeight: 13, outWidth: 11 },
  'taller, less wide': { images: 1, classes: 3, height: 4, width: 9, outHeight: 37, outWidth: 5 },
  smaller: { images: 1, classes: 3, height: 13, width: 11, outHeight: 5, outWidth: 7 },
  'the same size': { images: 2, classes: 3, height: 7, width: 5, outHeight: 7, outWidth: 5 },
};
