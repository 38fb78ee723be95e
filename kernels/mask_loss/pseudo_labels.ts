import { defineKernel, flatGrid } from '../kernel.ts';
import { unlabelledInput } from './inputs.ts';
import { upsampledPseudoLabelsReference } from './upsampled_reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** The last classes are the novel ones. */
const novelInput = (d: { classes: number; novel_count: number }): Uint32Array =>
  Uint32Array.from({ length: d.novel_count }, (_, i) => d.classes - d.novel_count + i);

const voc = { classes: 20, novel_count: 5, unlabelled: 254 };
const odd = { classes: 7, novel_count: 3, unlabelled: 254 };

export const upsampledPseudoLabels = defineKernel({
  name: 'mask_loss.upsampled_pseudo_labels',
  doc: 'Self-training: unlabelled pixels take the best novel class of the bilinear resize of the detached masks.',
  source: at('upsampled_pseudo_labels.wgsl'),
  helpers: [at('../bilinear/source.wgsl')],
  dims: {
    images: 'u32',
    classes: 'u32',
    height: 'u32',
    width: 'u32',
    out_height: 'u32',
    out_width: 'u32',
    novel_count: 'u32',
    unlabelled: 'u32',
  },
  buffers: {
    masks: { access: 'read', dtype: 'f32', shape: (d) => [d.images, d.classes, d.height, d.width] },
    labels: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.images, d.out_height, d.out_width],
      input: (d, random) => unlabelledInput(d.images * d.out_height * d.out_width, d, random),
    },
    novel: { access: 'read', dtype: 'u32', shape: (d) => [d.novel_count], input: novelInput },
    y: { access: 'write', dtype: 'u32', shape: (d) => [d.images, d.out_height, d.out_width] },
  },
  tiles: [{ WG: 64 }, { WG: 8 }],
  grid: (d, t) => flatGrid((d.images * d.out_height * d.out_width) / t.WG),
  cost: (d) => ({
    flops: 7 * d.images * d.novel_count * d.out_height * d.out_width,
    bytes: 4 * d.images * (d.novel_count * d.height * d.width + 2 * d.out_height * d.out_width),
  }),
  cases: {
    'vit-b16@128': { images: 2, height: 8, width: 8, out_height: 128, out_width: 128, ...voc },
    up: { images: 2, height: 5, width: 7, out_height: 13, out_width: 11, ...odd },
    mixed: { images: 1, height: 9, width: 20, out_height: 21, out_width: 8, ...odd },
    same: { images: 2, height: 7, width: 3, out_height: 7, out_width: 3, ...odd },
    'one cell': { images: 3, height: 1, width: 1, out_height: 3, out_width: 5, ...odd },
  },
  tolerance: 0,
  reference: upsampledPseudoLabelsReference,
});
