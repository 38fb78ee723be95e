import { ceilDiv, defineKernel, flatGrid } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);
/** Multiply-adds of one round of the shader's loop: 8 steps of four vec4 chains. */
const ROUND = 8 * 4 * 4;

/** Arithmetic in registers only; its speed is the adapter's compute peak. */
export const multiplyAdd = defineKernel({
  name: 'peak.multiply_add',
  doc: 'x = x * factor + shift, over and over.',
  source: at('multiply_add.wgsl'),
  dims: { threads: 'u32', rounds: 'u32', factor: 'f32', shift: 'f32' },
  buffers: {
    x: { access: 'read', dtype: 'f32', shape: (d) => [d.threads, 16] },
    y: { access: 'write', dtype: 'f32', shape: (d) => [d.threads, 16] },
  },
  tiles: [{ WG: 64 }],
  grid: (d, t) => flatGrid(ceilDiv(d.threads, t.WG)),
  cost: (d) => ({ flops: 2 * d.threads * d.rounds * ROUND, bytes: 2 * 64 * d.threads }),
  cases: { odd: { threads: 77, rounds: 3, factor: 0.5, shift: 0.25 } },
  tolerance: 1e-6,
  reference: ({ rounds, factor, shift }, { x }) => {
    const y = x.slice();
    for (let step = 0; step < 8 * rounds; step++) {
      for (let i = 0; i < y.length; i++) y[i] = y[i] * factor + shift;
    }
    return { y };
  },
});

/** Reads and writes memory and nothing else; its speed is the adapter's bandwidth peak. */
export const copy = defineKernel({
  name: 'peak.copy',
  doc: 'y = x.',
  source: at('copy.wgsl'),
  dims: { vectors: 'u32' },
  buffers: {
    x: { access: 'read', dtype: 'f32', shape: (d) => [4 * d.vectors] },
    y: { access: 'write', dtype: 'f32', shape: (d) => [4 * d.vectors] },
  },
  tiles: [64, 4].map((PER) => ({ WG: 64, PER })),
  grid: (d, t) => flatGrid(ceilDiv(d.vectors, t.WG * t.PER)),
  cost: (d) => ({ flops: 0, bytes: 32 * d.vectors }),
  cases: { odd: { vectors: 1235 } },
  tolerance: 0,
  reference: (_, { x }) => ({ y: x.slice() }),
});
