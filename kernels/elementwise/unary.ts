import { defineKernel } from '../kernel.ts';
import { countGrid, walkTiles } from './walk.ts';

interface UnarySettings {
  name: string;
  doc: string;
  /** WGSL that defines `apply(x: vec4f) -> vec4f`. */
  apply: URL;
  /** The same in float64. */
  reference: (x: number) => number;
  /** Operations an element. */
  flops: number;
  tolerance: number;
}

/** A kernel y[i] = apply(x[i]). */
export function unaryKernel({ name, doc, apply, reference, flops, tolerance }: UnarySettings) {
  return defineKernel({
    name,
    doc,
    source: new URL('unary.wgsl', import.meta.url),
    helpers: [apply],
    dims: { count: 'u32' },
    buffers: {
      // wide enough for the flat ends of an activation
      x: {
        access: 'read',
        dtype: 'store_t',
        shape: (d) => [d.count],
        input: (d, random) => wide(d.count, random),
      },
      y: { access: 'write', dtype: 'store_t', shape: (d) => [d.count] },
    },
    ...walkTiles,
    grid: countGrid,
    cost: (d) => ({ flops: flops * d.count, bytes: 8 * d.count }),
    cases: { 'vit-b16@512': { count: 1035 * 768 }, odd: { count: 1021 }, one: { count: 1 } },
    tolerance,
    reference: ({ count }, { x }) => ({ y: Float64Array.from({ length: count }, (_, i) => reference(x[i])) }),
  });
}

function wide(count: number, random: () => number): Float64Array {
  return Float64Array.from({ length: count }, () => 12 * random() - 6);
}
