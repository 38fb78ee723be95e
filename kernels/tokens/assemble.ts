import { walkGrid, walkTiles } from '../elementwise/walk.ts';
import { defineKernel, type HostArrays } from '../kernel.ts';

/** How many pieces one dispatch can put together. */
export const MAX_PIECES = 4;

/** A contiguous part of every row. All numbers count elements. */
export interface Piece {
  length: number;
  /** Distance in the source from one row's piece to the next one's; 0 repeats it. */
  stride: number;
  /** Where the first row's piece begins in the source. */
  start: number;
  /** Elements of the source; 0 for a piece of zeros. */
  size: number;
}

const NOTHING: Piece = { length: 0, stride: 0, start: 0, size: 0 };

/** The kernel's dims for up to {@link MAX_PIECES} pieces, which are added to a base if `extended` is 1. */
export function assembleDims(rows: number, pieces: readonly Piece[], extended = 0) {
  const [a, b = NOTHING, c = NOTHING, d = NOTHING] = pieces;
  return {
    rows,
    width: a.length + b.length + c.length + d.length,
    ...{ length0: a.length, stride0: a.stride, start0: a.start, size0: a.size },
    ...{ length1: b.length, stride1: b.stride, start1: b.start, size1: b.size },
    ...{ length2: c.length, stride2: c.stride, start2: c.start, size2: c.size },
    ...{ length3: d.length, stride3: d.stride, start3: d.start, size3: d.size },
    extended,
  };
}

type AssembleDims = ReturnType<typeof assembleDims>;

function reference(d: AssembleDims, a: HostArrays): HostArrays {
  const y = d.extended ? a.base.slice() : new Float64Array(d.rows * d.width);
  const pieces = [
    { length: d.length0, stride: d.stride0, start: d.start0, source: a.source0 },
    { length: d.length1, stride: d.stride1, start: d.start1, source: a.source1 },
    { length: d.length2, stride: d.stride2, start: d.start2, source: a.source2 },
    { length: d.length3, stride: d.stride3, start: d.start3, source: a.source3 },
  ];
  for (let r = 0; r < d.rows; r++) {
    let at = r * d.width;
    for (const { length, stride, start, source } of pieces) {
      const from = r * stride + start;
      for (let i = 0; i < length && source.length > 0; i++) y[at + i] += source[from + i];
      at += length;
    }
  }
  return { y };
}

/** A slice of `length` elements of rows of `row` elements. */
const part = (rows: number, row: number, start: number, length: number): Piece => ({
  length,
  stride: row,
  start,
  size: rows * row,
});

export const assemble = defineKernel({
  name: 'tokens.assemble',
  doc: 'Rows put together from slices of up to four sources, repeated pieces and zeros; may be added to a base.',
  source: new URL('assemble.wgsl', import.meta.url),
  dims: {
    ...{ rows: 'u32', width: 'u32' },
    ...{ length0: 'u32', stride0: 'u32', start0: 'u32', size0: 'u32' },
    ...{ length1: 'u32', stride1: 'u32', start1: 'u32', size1: 'u32' },
    ...{ length2: 'u32', stride2: 'u32', start2: 'u32', size2: 'u32' },
    ...{ length3: 'u32', stride3: 'u32', start3: 'u32', size3: 'u32' },
    extended: 'u32',
  },
  buffers: {
    source0: { access: 'read', dtype: 'store_t', shape: (d) => [d.size0] },
    source1: { access: 'read', dtype: 'store_t', shape: (d) => [d.size1] },
    source2: { access: 'read', dtype: 'store_t', shape: (d) => [d.size2] },
    source3: { access: 'read', dtype: 'store_t', shape: (d) => [d.size3] },
    base: { access: 'read', dtype: 'store_t', shape: (d) => [d.extended ? d.rows : 0, d.width] },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.rows, d.width] },
  },
  ...walkTiles,
  grid: (d, tile) => walkGrid(d.rows * d.width, tile),
  cost: (d) => ({ flops: d.extended * d.rows * d.width, bytes: (8 + 4 * d.extended) * d.rows * d.width }),
  cases: {
    'vit-b16@512 prompts': assembleDims(1, [
      part(1, 1035 * 768, 0, 768),
      part(1, 10 * 768, 0, 10 * 768),
      part(1, 1035 * 768, 11 * 768, 1024 * 768),
    ]),
    'four pieces': assembleDims(3, [
      part(3, 20, 4, 8),
      part(3, 4, 0, 4),
      part(3, 12, 0, 12),
      part(3, 8, 4, 4),
    ]),
    odd: assembleDims(5, [
      part(5, 7, 2, 3),
      { length: 2, stride: 0, start: 1, size: 4 },
      { length: 1, stride: 0, start: 0, size: 0 },
      part(5, 5, 0, 5),
    ]),
    'leading zeros': assembleDims(3, [{ length: 4, stride: 0, start: 0, size: 0 }, part(3, 16, 8, 8)]),
    'onto a base': assembleDims(3, [{ length: 4, stride: 0, start: 0, size: 0 }, part(3, 12, 4, 8)], 1),
    'onto an odd base': assembleDims(5, [part(5, 3, 0, 3), { length: 4, stride: 0, start: 0, size: 0 }], 1),
    one: assembleDims(1, [part(1, 1, 0, 1)]),
  },
  // pieces are exact, a sum with the base is rounded
  tolerance: 1e-7,
  reference,
});
