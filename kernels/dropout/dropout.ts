import { countGrid, walkTiles } from '../elementwise/walk.ts';
import { ceilDiv, defineKernel, flatGrid } from '../kernel.ts';
import { dropThreshold, keep } from './philox.ts';

const at = (file: string): URL => new URL(file, import.meta.url);
const helpers = [at('../shared/philox.wgsl')];
const dims = {
  count: 'u32',
  block: 'u32',
  copies: 'u32',
  residual: 'u32',
  op: 'u32',
  threshold: 'u32',
  scale: 'f32',
} as const;

/** How the elements of y come from those of x. */
interface Layout {
  /** Elements in a row of x that become neighbours in each copy; all by default. */
  block?: number;
  copies?: number;
  /** 1: the result is added to a residual. */
  residual?: number;
}

/** The dims of one dropout; `count` elements of y. */
export function dropoutDims(count: number, op: number, probability: number, layout: Layout = {}) {
  const { copies = 1, block = count / copies, residual = 0 } = layout;
  return {
    count,
    block,
    copies,
    residual,
    op,
    threshold: dropThreshold(probability),
    scale: 1 / (1 - probability),
  };
}

type DropoutDims = ReturnType<typeof dropoutDims>;

/** The element of x that element i of y comes from. */
function sourceOf({ block, copies }: DropoutDims, i: number): number {
  return Math.floor(i / (block * copies)) * block + (i % block);
}

const random = {
  access: 'read',
  dtype: 'u32',
  shape: () => [4],
  input: () => [0x89abcdef, 0x01234567, 3, 0],
} as const;

export const dropout = defineKernel({
  name: 'dropout.apply',
  doc: 'y = residual + x * keep / (1 - p), the mask from a counter; Srivastava et al. 2014. Backward: the same on dy.',
  source: at('dropout.wgsl'),
  helpers,
  dims,
  buffers: {
    x: { access: 'read', dtype: 'store_t', shape: (d) => [d.count / d.copies] },
    random,
    residual: { access: 'read', dtype: 'store_t', shape: (d) => [d.residual * d.count] },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.count] },
  },
  ...walkTiles,
  grid: countGrid,
  cost: (d) => ({ flops: 20 * d.count, bytes: 4 * d.count * (1 + 1 / d.copies + d.residual) }),
  cases: {
    'vit-b16@512 prompts': dropoutDims(4 * 50 * 768, 7, 0.1),
    'decoder, residual': dropoutDims(4 * 20 * 512, 3, 0.1, { residual: 1 }),
    odd: dropoutDims(1021, 0xffffffff, 0.5),
    'odd residual': dropoutDims(77, 2, 0.3, { residual: 1 }),
    'odd copies': dropoutDims(5 * 3 * 7, 2, 0.3, { block: 7, copies: 3 }),
    nothing: dropoutDims(13, 0, 0),
  },
  tolerance: 2e-7,
  reference: (d, a) => ({
    y: Float64Array.from({ length: d.count }, (_, i) => {
      const kept = keep(a.random, d.op, i, d.threshold) ? a.x[sourceOf(d, i)] * d.scale : 0;
      return d.residual ? a.residual[i] + kept : kept;
    }),
  }),
});

export const dropoutCopiesBackward = defineKernel({
  name: 'dropout.copies_backward',
  doc: 'Gradient of a dropout of several copies of the same values: the sum over the copies.',
  source: at('copies_backward.wgsl'),
  helpers,
  dims,
  buffers: {
    dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.count] },
    random,
    dx: { access: 'write', dtype: 'store_t', shape: (d) => [d.count / d.copies] },
  },
  tiles: [{ WG: 32 }, { WG: 64 }],
  grid: (d, t) => flatGrid(ceilDiv(d.count / d.copies, t.WG)),
  cost: (d) => ({ flops: 20 * d.count, bytes: 4 * d.count * (1 + 1 / d.copies) }),
  cases: {
    'vit-b16@512 prompts': dropoutDims(11 * 4 * 10 * 768, 7, 0.1, { block: 10 * 768, copies: 4 }),
    odd: dropoutDims(5 * 3 * 7, 2, 0.3, { block: 7, copies: 3 }),
    'one copy': dropoutDims(33, 1, 0.5),
  },
  tolerance: 4e-7,
  reference: (d, a) => {
    const dx = new Float64Array(d.count / d.copies);
    for (let i = 0; i < d.count; i++) {
      if (keep(a.random, d.op, i, d.threshold)) dx[sourceOf(d, i)] += a.dy[i] * d.scale;
    }
    return { dx };
  },
});
