import { countGrid, walkTiles } from '../elementwise/walk.ts';
import { ceilDiv, defineKernel, type HostArrays } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** How many layers one dispatch takes. */
export const MAX_LAYERS = 4;

/** Layer l is bound only where there is one. */
const layer = (l: number) => ({
  access: 'read' as const,
  dtype: 'store_t' as const,
  shape: (d: { count: number; layers: number }) => (l < d.layers ? [d.count] : [0]),
});

const layersOf = (a: HostArrays): Float64Array[] => [a.layer0, a.layer1, a.layer2, a.layer3];

export const gaussianSumForward = defineKernel({
  name: 'gaussian_sum.forward',
  doc: 'Z = sum_l w_l L_l, Neighbourhood Gaussian Aggregation; Cascade-CLIP (Li et al. 2024).',
  source: at('forward.wgsl'),
  dims: { count: 'u32', layers: 'u32', first: 'u32', total: 'u32', extended: 'u32' },
  buffers: {
    weights: { access: 'read', dtype: 'f32', shape: (d) => [d.total] },
    layer0: layer(0),
    layer1: layer(1),
    layer2: layer(2),
    layer3: layer(3),
    base: { access: 'read', dtype: 'store_t', shape: (d) => (d.extended ? [d.count] : [0]) },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.count] },
  },
  ...walkTiles,
  grid: countGrid,
  cost: (d) => ({ flops: 2 * d.layers * d.count, bytes: 4 * (d.layers + 1 + d.extended) * d.count }),
  cases: {
    'vit-b16@512 stage': { count: 1024 * 512, layers: 3, first: 0, total: 3, extended: 0 },
    'one layer': { count: 37, layers: 1, first: 0, total: 1, extended: 0 },
    'fifth and sixth of six': { count: 1021, layers: 2, first: 4, total: 6, extended: 1 },
    'four layers': { count: 130, layers: 4, first: 0, total: 4, extended: 0 },
  },
  tolerance: 4e-7,
  reference: (d, a) => {
    const y = d.extended ? a.base.slice() : new Float64Array(d.count);
    for (let l = 0; l < d.layers; l++) {
      const weight = a.weights[d.first + l];
      layersOf(a)[l].forEach((v, i) => {
        y[i] += weight * v;
      });
    }
    return { y };
  },
});

export const gaussianSumLayer = defineKernel({
  name: 'gaussian_sum.layer',
  doc: 'Gradient of one layer: dL_l = w_l dZ.',
  source: at('layer.wgsl'),
  dims: { count: 'u32', layer: 'u32', total: 'u32' },
  buffers: {
    weights: { access: 'read', dtype: 'f32', shape: (d) => [d.total] },
    dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.count] },
    dlayer: { access: 'write', dtype: 'store_t', shape: (d) => [d.count] },
  },
  ...walkTiles,
  grid: countGrid,
  cost: (d) => ({ flops: d.count, bytes: 8 * d.count }),
  cases: {
    'vit-b16@512 stage': { count: 1024 * 512, layer: 1, total: 3 },
    odd: { count: 1021, layer: 4, total: 5 },
  },
  tolerance: 1e-7,
  reference: (d, { weights, dy }) => ({ dlayer: dy.map((v) => v * weights[d.layer]) }),
});

export const gaussianSumDots = defineKernel({
  name: 'gaussian_sum.dots',
  doc: 'First stage of the gradients of the weights: dw_l = <dZ, L_l>.',
  source: at('dots.wgsl'),
  dims: { count: 'u32', parts: 'u32', layers: 'u32' },
  buffers: {
    dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.count] },
    layer0: layer(0),
    layer1: layer(1),
    layer2: layer(2),
    layer3: layer(3),
    partials: { access: 'write', dtype: 'f32', shape: (d) => [d.parts, d.layers] },
  },
  tiles: [{ WG: 32 }, { WG: 64 }],
  grid: (d, t) => [ceilDiv(d.parts, t.WG), 1, 1],
  cost: (d) => ({ flops: 2 * d.layers * d.count, bytes: 4 * (d.layers + 1) * d.count }),
  cases: {
    'vit-b16@512 stage': { count: 1024 * 512, parts: 4096, layers: 3 },
    odd: { count: 1023, parts: 17, layers: 4 },
    'one layer': { count: 5, parts: 1, layers: 1 },
  },
  // a thread adds up to count / parts products one after the other
  tolerance: 2e-6,
  reference: ({ count, parts, layers }, a) => {
    const partials = new Float64Array(parts * layers);
    for (let i = 0; i < count; i++) {
      const part = Math.floor(i / 4) % parts;
      for (let l = 0; l < layers; l++) partials[part * layers + l] += a.dy[i] * layersOf(a)[l][i];
    }
    return { partials };
  },
});
