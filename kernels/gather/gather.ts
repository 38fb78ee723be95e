import { walkGrid, walkTiles } from '../elementwise/walk.ts';
import { ceilDiv, defineKernel, flatGrid, type Random } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

interface GatherDims {
  rows: number;
  cols: number;
  stride: number;
  sourceRows: number;
}

const cases = {
  'text ids': { rows: 20 * 77, cols: 512, stride: 0, sourceRows: 1000 },
  'one token of each': { rows: 5, cols: 12, stride: 7, sourceRows: 35 },
  odd: { rows: 37, cols: 13, stride: 0, sourceRows: 11 },
  'odd tokens': { rows: 3, cols: 1, stride: 5, sourceRows: 15 },
};

function anyIndex({ rows, stride, sourceRows }: GatherDims, random: Random): number[] {
  return Array.from({ length: rows }, () => Math.floor(random() * (stride || sourceRows)));
}

export const gatherRows = defineKernel({
  name: 'gather.rows',
  doc: 'Row r of y is row r * stride + index[r] of the source.',
  source: at('rows.wgsl'),
  dims: { rows: 'u32', cols: 'u32', stride: 'u32', sourceRows: 'u32' },
  buffers: {
    source: { access: 'read', dtype: 'f32', shape: (d) => [d.sourceRows, d.cols] },
    index: { access: 'read', dtype: 'u32', shape: (d) => [d.rows], input: anyIndex },
    y: { access: 'write', dtype: 'f32', shape: (d) => [d.rows, d.cols] },
  },
  ...walkTiles,
  grid: (d, tile) => walkGrid(d.rows * d.cols, tile),
  cost: (d) => ({ flops: 0, bytes: 8 * d.rows * d.cols }),
  cases,
  tolerance: 0,
  reference: ({ rows, cols, stride }, { source, index }) => {
    const y = new Float64Array(rows * cols);
    for (let r = 0; r < rows; r++) {
      const from = (r * stride + index[r]) * cols;
      y.set(source.subarray(from, from + cols), r * cols);
    }
    return { y };
  },
});

export const gatherLinks = defineKernel({
  name: 'gather.links',
  doc: 'Chains equal ids in order of position: whether a position is the first of its id, and the next one.',
  source: at('links.wgsl'),
  dims: { count: 'u32' },
  buffers: {
    ids: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.count],
      input: (d, random) => Array.from({ length: d.count }, () => Math.floor(random() ** 2 * 50)),
    },
    links: { access: 'write', dtype: 'u32', shape: (d) => [d.count, 2] },
  },
  tiles: [{ WG: 32 }, { WG: 64 }],
  grid: (d, t) => [ceilDiv(d.count, t.WG), 1, 1],
  cost: (d) => ({ flops: 0, bytes: 12 * d.count }),
  cases: { 'text ids': { count: 20 * 77 }, odd: { count: 37 }, one: { count: 1 } },
  tolerance: 0,
  reference: ({ count }, { ids }) => {
    const links = new Float64Array(2 * count);
    for (let r = 0; r < count; r++) {
      const next = ids.indexOf(ids[r], r + 1);
      links.set([ids.indexOf(ids[r]) === r ? 1 : 0, next < 0 ? count : next], 2 * r);
    }
    return { links };
  },
});

/** The chains of these ids. */
const linksOf = (index: ArrayLike<number>): Float64Array =>
  gatherLinks.reference({ count: index.length }, { ids: Float64Array.from(index) }).links;

export const gatherScatter = defineKernel({
  name: 'gather.scatter',
  doc: 'Adds row r of dy to row r * stride + index[r] of a table; rows that meet are added in order.',
  source: at('scatter.wgsl'),
  dims: { rows: 'u32', cols: 'u32', stride: 'u32', sourceRows: 'u32' },
  buffers: {
    dy: { access: 'read', dtype: 'f32', shape: (d) => [d.rows, d.cols] },
    index: { access: 'read', dtype: 'u32', shape: (d) => [d.rows], input: repeatingIndex },
    links: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => (d.stride === 0 ? [d.rows, 2] : [0]),
      input: (d) => (d.stride === 0 ? linksOf(repeatingIndex(d)) : []),
    },
    table: { access: 'read_write', dtype: 'f32', shape: (d) => [d.sourceRows, d.cols] },
  },
  tiles: [{ WG: 32 }, { WG: 64 }],
  grid: (d) => flatGrid(d.rows),
  cost: (d) => ({ flops: d.rows * d.cols, bytes: 12 * d.rows * d.cols }),
  cases,
  tolerance: 1e-6,
  reference: ({ rows, cols, stride }, { dy, index, table }) => {
    for (let r = 0; r < rows; r++) {
      const to = (r * stride + index[r]) * cols;
      for (let c = 0; c < cols; c++) table[to + c] += dy[r * cols + c];
    }
    return { table };
  },
});

/** Ids in which many positions share an id, the same for `index` and for the links made from it. */
function repeatingIndex({ rows, stride, sourceRows }: GatherDims): number[] {
  return Array.from({ length: rows }, (_, r) => ((r * r * 7 + 3) % 89) % (stride || sourceRows));
}
