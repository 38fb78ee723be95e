import { defineKernel } from '../kernel.ts';
import { weights } from './inputs.ts';
import { finishReference } from './reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

export const maskLossFinish = defineKernel({
  name: 'mask_loss.finish',
  doc: 'Total loss from the sums, normalised by the number of present (image, class) pairs.',
  source: at('finish.wgsl'),
  helpers: [at('first_thread_sum.wgsl')],
  dims: {
    rows: 'u32',
    pixels: 'u32',
    chunks: 'u32',
    focal_weight: 'f32',
    dice_weight: 'f32',
    normalise: 'u32',
  },
  buffers: {
    partials: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [d.rows, d.chunks, 4],
      input: (d, random) =>
        Float32Array.from({ length: d.rows * d.chunks * 4 }, (_, i) => {
          const absent = Math.floor(i / (4 * d.chunks)) % 3 === 1;
          return i % 4 === 3 ? (absent ? 0 : Math.floor(random() * 50)) : 40 * random();
        }),
    },
    stats: { access: 'write', dtype: 'f32', shape: (d) => [d.rows, 4] },
    loss: { access: 'write', dtype: 'f32', shape: () => [4] },
    total: { access: 'write', dtype: 'f32', shape: () => [1] },
  },
  tiles: [{ WG: 64 }, { WG: 16 }, { WG: 256 }],
  grid: () => [1, 1, 1],
  cost: (d) => ({ flops: 4 * d.rows * d.chunks, bytes: 16 * d.rows * (d.chunks + 1) }),
  cases: {
    'voc@512': { rows: 60, pixels: 262144, chunks: 33, ...weights, normalise: 1 },
    odd: { rows: 7, pixels: 77, chunks: 1, ...weights, normalise: 1 },
    unnormalised: { rows: 101, pixels: 99, chunks: 3, ...weights, normalise: 0 },
  },
  tolerance: 2e-6,
  reference: finishReference,
});
