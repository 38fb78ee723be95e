import { defineKernel, flatGrid } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);
const tile = { default: { WG: 64 }, space: [{ WG: 64 }, { WG: 8 }] };

export const argmax = defineKernel({
  name: 'evaluation.argmax',
  doc: 'The class with the highest score of every pixel, or background where no score is above a threshold.',
  source: at('argmax.wgsl'),
  dims: { images: 'u32', classes: 'u32', pixels: 'u32', background: 'u32', threshold: 'f32' },
  buffers: {
    scores: { access: 'read', dtype: 'f32', shape: (d) => [d.images, d.classes, d.pixels] },
    y: { access: 'write', dtype: 'u32', shape: (d) => [d.images, d.pixels] },
  },
  tile,
  grid: (d, t) => flatGrid((d.images * d.pixels) / t.WG),
  cost: (d) => ({
    flops: d.images * d.classes * d.pixels,
    bytes: 4 * d.images * d.pixels * (d.classes + 1),
  }),
  cases: {
    'voc@512': { images: 1, classes: 20, pixels: 262144, background: 0, threshold: 0 },
    odd: { images: 3, classes: 5, pixels: 77, background: 0, threshold: 0 },
    background: { images: 2, classes: 3, pixels: 101, background: 1, threshold: 0.4 },
  },
  tolerance: { f32: 0 },
  reference: (d, { scores }) => ({
    y: Float64Array.from({ length: d.images * d.pixels }, (_, index) => {
      const image = Math.floor(index / d.pixels);
      let best = 0;
      const score = (c: number): number => scores[(image * d.classes + c) * d.pixels + (index % d.pixels)];
      for (let c = 1; c < d.classes; c++) if (score(c) > score(best)) best = c;
      if (!d.background) return best;
      return score(best) > Math.fround(d.threshold) ? best + 1 : 0;
    }),
  }),
});

export const confusion = defineKernel({
  name: 'evaluation.confusion',
  doc: 'Adds the pixels of a prediction to a confusion matrix; 255 and other ids that are no class are left out.',
  source: at('confusion.wgsl'),
  dims: { count: 'u32', classes: 'u32' },
  buffers: {
    prediction: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.count],
      input: (d, random) => Uint32Array.from({ length: d.count }, () => Math.floor(random() * d.classes)),
    },
    truth: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.count],
      input: (d, random) =>
        Uint32Array.from({ length: d.count }, () =>
          random() < 0.2 ? 255 : Math.floor(random() * d.classes),
        ),
    },
    matrix: {
      access: 'read_write',
      dtype: 'u32',
      shape: (d) => [d.classes, d.classes],
      input: (d) => Uint32Array.from({ length: d.classes * d.classes }, (_, i) => i),
    },
  },
  tile,
  grid: (d, t) => flatGrid(d.count / t.WG),
  cost: (d) => ({ flops: 0, bytes: 8 * d.count + 8 * d.classes * d.classes }),
  cases: { 'voc@512': { count: 262144, classes: 20 }, odd: { count: 1021, classes: 3 } },
  tolerance: { f32: 0 },
  reference: (d, { prediction, truth, matrix }) => {
    const sum = matrix.slice();
    truth.forEach((t, i) => {
      if (t < d.classes && prediction[i] < d.classes) sum[t * d.classes + prediction[i]]++;
    });
    return { matrix: sum };
  },
});
