import { defineKernel, flatGrid } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);
const tiles = [{ WG: 64 }, { WG: 8 }];

export const windowAdd = defineKernel({
  name: 'evaluation.window_add',
  doc: 'Sliding-window inference: adds sigmoid(logit) - penalty of one window to the scores of the whole image.',
  source: at('window_add.wgsl'),
  dims: {
    classes: 'u32',
    height: 'u32',
    width: 'u32',
    top: 'u32',
    left: 'u32',
    window_height: 'u32',
    window_width: 'u32',
  },
  buffers: {
    logits: { access: 'read', dtype: 'f32', shape: (d) => [d.classes, d.window_height, d.window_width] },
    penalty: { access: 'read', dtype: 'f32', shape: (d) => [d.classes] },
    canvas: { access: 'read_write', dtype: 'f32', shape: (d) => [d.classes, d.height, d.width] },
  },
  tiles,
  grid: (d, t) => flatGrid((d.classes * d.window_height * d.window_width) / t.WG),
  cost: (d) => ({
    flops: 5 * d.classes * d.window_height * d.window_width,
    bytes: 12 * d.classes * d.window_height * d.window_width,
  }),
  cases: {
    'voc@128': {
      classes: 20,
      height: 512,
      width: 683,
      top: 0,
      left: 171,
      window_height: 512,
      window_width: 512,
    },
    odd: { classes: 3, height: 11, width: 17, top: 2, left: 4, window_height: 9, window_width: 13 },
  },
  tolerance: 1e-6,
  reference: (d, a) => {
    const canvas = a.canvas.slice();
    const size = d.window_height * d.window_width;
    a.logits.forEach((x, i) => {
      const c = Math.floor(i / size);
      const row = d.top + Math.floor((i % size) / d.window_width);
      const col = d.left + (i % d.window_width);
      canvas[(c * d.height + row) * d.width + col] += 1 / (1 + Math.exp(-x)) - a.penalty[c];
    });
    return { canvas };
  },
});

export const windowAverage = defineKernel({
  name: 'evaluation.window_average',
  doc: 'Divides the summed scores by the number of windows that cover each pixel.',
  source: at('window_average.wgsl'),
  dims: { classes: 'u32', height: 'u32', width: 'u32', windows: 'u32' },
  buffers: {
    bounds: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.windows, 4],
      // the first covers everything, as windows together do
      input: (d) =>
        Array.from({ length: d.windows }, (_, i) =>
          i === 0 ? [0, d.height, 0, d.width] : [i, d.height, 0, i + 2],
        ).flat(),
    },
    canvas: { access: 'read_write', dtype: 'f32', shape: (d) => [d.classes, d.height, d.width] },
  },
  tiles,
  grid: (d, t) => flatGrid((d.classes * d.height * d.width) / t.WG),
  cost: (d) => ({ flops: d.classes * d.height * d.width, bytes: 8 * d.classes * d.height * d.width }),
  cases: {
    'voc@128': { classes: 20, height: 128, width: 171, windows: 2 },
    odd: { classes: 3, height: 11, width: 17, windows: 5 },
  },
  tolerance: 1e-6,
  reference: (d, a) => ({
    canvas: a.canvas.map((value, i) => {
      const row = Math.floor((i % (d.height * d.width)) / d.width);
      const col = i % d.width;
      let count = 0;
      for (let w = 0; w < d.windows; w++) {
        const [top, bottom, left, right] = a.bounds.subarray(4 * w, 4 * w + 4);
        if (row >= top && row < bottom && col >= left && col < right) count++;
      }
      return value / count;
    }),
  }),
});
