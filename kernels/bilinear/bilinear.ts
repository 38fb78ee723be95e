import { defineKernel, flatGrid, type HostArrays } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

interface ResizeDims {
  planes: number;
  height: number;
  width: number;
  out_height: number;
  out_width: number;
}

/** Neighbours and weight of the higher one, half-pixel centres, clamped at the border. */
function sourceOf(
  index: number,
  inputs: number,
  outputs: number,
): { low: number; high: number; fraction: number } {
  const position = Math.max(((index + 0.5) * inputs) / outputs - 0.5, 0);
  const low = Math.min(Math.floor(position), inputs - 1);
  return { low, high: Math.min(low + 1, inputs - 1), fraction: position - low };
}

/** Calls back for every (output, input, weight) of the linear map. */
function eachWeight(d: ResizeDims, visit: (output: number, input: number, weight: number) => void): void {
  for (let plane = 0; plane < d.planes; plane++) {
    for (let i = 0; i < d.out_height; i++) {
      const r = sourceOf(i, d.height, d.out_height);
      for (let j = 0; j < d.out_width; j++) {
        const c = sourceOf(j, d.width, d.out_width);
        const output = (plane * d.out_height + i) * d.out_width + j;
        const input = (row: number, col: number): number => (plane * d.height + row) * d.width + col;
        visit(output, input(r.low, c.low), (1 - r.fraction) * (1 - c.fraction));
        visit(output, input(r.low, c.high), (1 - r.fraction) * c.fraction);
        visit(output, input(r.high, c.low), r.fraction * (1 - c.fraction));
        visit(output, input(r.high, c.high), r.fraction * c.fraction);
      }
    }
  }
}

export function bilinearReference(d: ResizeDims, { x }: HostArrays): HostArrays {
  const y = new Float64Array(d.planes * d.out_height * d.out_width);
  eachWeight(d, (output, input, weight) => {
    y[output] += weight * x[input];
  });
  return { y };
}

function backwardReference(d: ResizeDims, { dy }: HostArrays): HostArrays {
  const dx = new Float64Array(d.planes * d.height * d.width);
  eachWeight(d, (output, input, weight) => {
    dx[input] += weight * dy[output];
  });
  return { dx };
}

const dims = { planes: 'u32', height: 'u32', width: 'u32', out_height: 'u32', out_width: 'u32' } as const;
const cases = {
  'voc-masks@512': { planes: 4, height: 32, width: 32, out_height: 512, out_width: 512 },
  up: { planes: 2, height: 5, width: 7, out_height: 13, out_width: 11 },
  down: { planes: 3, height: 13, width: 11, out_height: 5, out_width: 7 },
  mixed: { planes: 1, height: 9, width: 20, out_height: 21, out_width: 8 },
  'far down': { planes: 1, height: 67, width: 45, out_height: 3, out_width: 2 },
  same: { planes: 2, height: 7, width: 9, out_height: 7, out_width: 9 },
  'one pixel': { planes: 2, height: 1, width: 1, out_height: 3, out_width: 5 },
  'to one pixel': { planes: 1, height: 4, width: 3, out_height: 1, out_width: 1 },
};
const tiles = [{ WG: 64 }, { WG: 16 }];

export const bilinearForward = defineKernel({
  name: 'bilinear.forward',
  doc: 'Bilinear resize of planes, align_corners = false, no anti-aliasing; up and down by any factor.',
  source: at('forward.wgsl'),
  helpers: [at('source.wgsl')],
  dims,
  buffers: {
    x: { access: 'read', dtype: 'store_t', shape: (d) => [d.planes, d.height, d.width] },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.planes, d.out_height, d.out_width] },
  },
  tiles,
  grid: (d, t) => flatGrid((d.planes * d.out_height * d.out_width) / t.WG),
  cost: (d) => ({
    flops: 9 * d.planes * d.out_height * d.out_width,
    bytes: 4 * d.planes * (d.height * d.width + d.out_height * d.out_width),
  }),
  cases,
  // a division may be off by 2.5 ULP in WGSL
  tolerance: 2e-6,
  reference: bilinearReference,
});

export const bilinearBackward = defineKernel({
  name: 'bilinear.backward',
  doc: 'Gradient of the bilinear resize: its transpose, gathered per input pixel.',
  source: at('backward.wgsl'),
  helpers: [at('source.wgsl')],
  dims,
  buffers: {
    dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.planes, d.out_height, d.out_width] },
    dx: { access: 'write', dtype: 'store_t', shape: (d) => [d.planes, d.height, d.width] },
  },
  tiles,
  grid: (d, t) => flatGrid((d.planes * d.height * d.width) / t.WG),
  cost: (d) => ({
    flops: 9 * d.planes * d.out_height * d.out_width,
    bytes: 4 * d.planes * (d.height * d.width + d.out_height * d.out_width),
  }),
  cases,
  tolerance: 2e-6,
  reference: backwardReference,
});
