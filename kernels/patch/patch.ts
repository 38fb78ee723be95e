import { walkGrid, walkTiles } from '../elementwise/walk.ts';
import { defineKernel } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

interface PatchDims {
  images: number;
  channels: number;
  height: number;
  width: number;
  side: number;
}

const dims = { images: 'u32', channels: 'u32', height: 'u32', width: 'u32', side: 'u32' } as const;
const cases = {
  'vit-b16@512': { images: 1, channels: 3, height: 512, width: 512, side: 16 },
  odd: { images: 2, channels: 3, height: 23, width: 17, side: 5 },
  'patch of 4, width 10': { images: 1, channels: 2, height: 9, width: 10, side: 4 },
  'patch of 1': { images: 1, channels: 1, height: 3, width: 3, side: 1 },
};

const imageShape = (d: PatchDims): number[] => [d.images, d.channels, d.height, d.width];
const patchShape = (d: PatchDims): number[] => [
  d.images,
  Math.floor(d.height / d.side) * Math.floor(d.width / d.side),
  d.channels * d.side * d.side,
];

/** Calls back with every element of the patches and the pixel that it belongs to. */
function eachElement(d: PatchDims, visit: (element: number, pixel: number) => void): void {
  const [down, across] = [Math.floor(d.height / d.side), Math.floor(d.width / d.side)];
  let element = 0;
  for (let b = 0; b < d.images; b++)
    for (let gy = 0; gy < down; gy++)
      for (let gx = 0; gx < across; gx++)
        for (let c = 0; c < d.channels; c++)
          for (let i = 0; i < d.side; i++)
            for (let j = 0; j < d.side; j++)
              visit(
                element++,
                ((b * d.channels + c) * d.height + gy * d.side + i) * d.width + gx * d.side + j,
              );
}

export const patchUnfold = defineKernel({
  name: 'patch.unfold',
  doc: 'Image patches as rows of (channel, row, column), without padding; Dosovitskiy et al. 2021, arXiv:2010.11929.',
  source: at('unfold.wgsl'),
  dims,
  buffers: {
    image: { access: 'read', dtype: 'f32', shape: imageShape },
    y: { access: 'write', dtype: 'f32', shape: patchShape },
  },
  ...walkTiles,
  grid: (d, tile) => walkGrid(d.images * d.channels * d.height * d.width, tile),
  cost: (d) => ({ flops: 0, bytes: 8 * d.images * d.channels * d.height * d.width }),
  cases,
  tolerance: 0,
  reference: (d, { image }) => {
    const y = new Float64Array(patchShape(d).reduce((a, b) => a * b));
    eachElement(d, (element, pixel) => {
      y[element] = image[pixel];
    });
    return { y };
  },
});

export const patchFold = defineKernel({
  name: 'patch.fold',
  doc: 'Gradient of patch.unfold: every element goes back to its pixel, other pixels get 0.',
  source: at('fold.wgsl'),
  dims,
  buffers: {
    dy: { access: 'read', dtype: 'f32', shape: patchShape },
    dimage: { access: 'write', dtype: 'f32', shape: imageShape },
  },
  ...walkTiles,
  grid: (d, tile) => walkGrid(d.images * d.channels * d.height * d.width, tile),
  cost: (d) => ({ flops: 0, bytes: 8 * d.images * d.channels * d.height * d.width }),
  cases,
  tolerance: 0,
  reference: (d, { dy }) => {
    const dimage = new Float64Array(imageShape(d).reduce((a, b) => a * b));
    eachElement(d, (element, pixel) => {
      dimage[pixel] = dy[element];
    });
    return { dimage };
  },
});
