import { defineKernel, flatGrid } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);
const tiles = [{ WG: 64 }, { WG: 8 }];

export const argmax = defineKernel({
  name: 'evaluation.argmax',
  doc: 'The class with the highest score of every pixel, or background where no score is above a threshold; a range of classes at a time.',
  source: at('argmax.wgsl'),
  dims: {
    images: 'u32',
    classes: 'u32',
    pixels: 'u32',
    firstClass: 'u32',
    background: 'u32',
    threshold: 'f32',
  },
  buffers: {
    scores: { access: 'read', dtype: 'f32', shape: (d) => [d.images, d.classes, d.pixels] },
    best: { access: 'read_write', dtype: 'f32', shape: (d) => [d.images, d.pixels] },
    label: {
      access: 'read_write',
      dtype: 'u32',
      shape: (d) => [d.images, d.pixels],
      input: (d, random) =>
        Uint32Array.from({ length: d.images * d.pixels }, () => Math.floor(random() * d.firstClass)),
    },
  },
  tiles,
  grid: (d, t) => flatGrid((d.images * d.pixels) / t.WG),
  cost: (d) => ({
    flops: d.images * d.classes * d.pixels,
    bytes: 4 * d.images * d.pixels * (d.classes + 2),
  }),
  cases: {
    'voc@512': { images: 1, classes: 20, pixels: 262144, firstClass: 0, background: 0, threshold: 0 },
    odd: { images: 3, classes: 5, pixels: 77, firstClass: 0, background: 0, threshold: 0 },
    'odd, continued': { images: 2, classes: 3, pixels: 77, firstClass: 4, background: 0, threshold: 0 },
    background: { images: 2, classes: 3, pixels: 101, firstClass: 0, background: 1, threshold: 0.4 },
    'background, continued': {
      images: 1,
      classes: 2,
      pixels: 99,
      firstClass: 3,
      background: 1,
      threshold: 0.4,
    },
  },
  tolerance: 0,
  reference: (d, a) => {
    const [best, label] = [a.best.slice(), a.label.slice()];
    for (let at = 0; at < best.length; at++) {
      if (d.firstClass === 0) best[at] = -Infinity;
      for (let c = 0; c < d.classes; c++) {
        const score = a.scores[(Math.floor(at / d.pixels) * d.classes + c) * d.pixels + (at % d.pixels)];
        if (score <= best[at]) continue;
        best[at] = score;
        const id = d.firstClass + c;
        if (d.background) label[at] = score > Math.fround(d.threshold) ? id + 1 : 0;
        else label[at] = id;
      }
    }
    return { best, label };
  },
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
  tiles,
  grid: (d, t) => flatGrid(d.count / t.WG),
  cost: (d) => ({ flops: 0, bytes: 8 * d.count + 8 * d.classes * d.classes }),
  cases: { 'voc@512': { count: 262144, classes: 20 }, odd: { count: 1021, classes: 3 } },
  tolerance: 0,
  reference: (d, { prediction, truth, matrix }) => {
    const sum = matrix.slice();
    truth.forEach((t, i) => {
      if (t < d.classes && prediction[i] < d.classes) sum[t * d.classes + prediction[i]]++;
    });
    return { matrix: sum };
  },
});
