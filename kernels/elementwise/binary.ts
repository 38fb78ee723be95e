import { defineKernel } from '../kernel.ts';
import { countGrid, walkTiles } from './walk.ts';

interface BinarySettings {
  name: string;
  doc: string;
  /** WGSL that defines `combine(a: vec4f, b: vec4f) -> vec4f`. */
  combine: URL;
  /** The same in float64. */
  reference: (a: number, b: number) => number;
  /** Operations an element. */
  flops: number;
  tolerance: number;
}

/** A kernel y[i] = combine(a[i], b[i % period]). */
export function binaryKernel({ name, doc, combine, reference, flops, tolerance }: BinarySettings) {
  return defineKernel({
    name,
    doc,
    source: new URL('binary.wgsl', import.meta.url),
    helpers: [combine],
    dims: { count: 'u32', period: 'u32' },
    buffers: {
      a: { access: 'read', dtype: 'store_t', shape: (d) => [d.count] },
      b: { access: 'read', dtype: 'store_t', shape: (d) => [d.period] },
      y: { access: 'write', dtype: 'store_t', shape: (d) => [d.count] },
    },
    ...walkTiles,
    grid: countGrid,
    cost: (d) => ({ flops: flops * d.count, bytes: 8 * d.count + 4 * d.period }),
    cases: {
      'vit-b16@512': { count: 1035 * 768, period: 1035 * 768 },
      'vit-b16@512 rows': { count: 1035 * 768, period: 768 },
      odd: { count: 1021, period: 1021 },
      'odd rows': { count: 7 * 131, period: 131 },
      'one element': { count: 301, period: 1 },
    },
    tolerance,
    reference: ({ count, period }, { a, b }) => ({
      y: Float64Array.from({ length: count }, (_, i) => reference(a[i], b[i % period])),
    }),
  });
}
