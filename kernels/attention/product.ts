import {
  ceilDiv,
  type DimsOf,
  defineKernel,
  type HostArrays,
  product,
  softwareSubgroups,
  type Variant,
} from '../kernel.ts';
import { headRows, TILE, TILE_SIZE, tileAt } from './reference.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

const productDims = {
  batch: 'u32',
  heads: 'u32',
  headDim: 'u32',
  rows: 'u32',
  inner: 'u32',
  firstHead: 'u32',
  countHeads: 'u32',
  firstRowTile: 'u32',
  rowTiles: 'u32',
  firstInnerTile: 'u32',
  innerTiles: 'u32',
  plane: 'u32',
  xOffset: 'u32',
  xRow: 'u32',
  outOffset: 'u32',
  outRow: 'u32',
  accumulate: 'u32',
} as const;

/** A product of tiles with rows of one operand; see the kernel for the names. */
export type ProductDims = DimsOf<typeof productDims>;

const subgroup: Variant<ProductDims> = {
  name: 'subgroup',
  source: at('product_subgroup.wgsl'),
  helpers: [at('../shared/words.wgsl')],
  fits: softwareSubgroups,
  takes: (d) => d.headDim % 4 === 0,
  constants: (d) => ({ WIDE: Number(d.headDim > TILE) }),
  grid: (d) => [d.rowTiles, ceilDiv(d.headDim, d.headDim > TILE ? 2 * TILE : TILE), d.countHeads],
};

const tiled: Variant<ProductDims> = {
  name: 'tiled',
  source: at('product_tiled.wgsl'),
  helpers: [at('outer.wgsl')],
  grid: (d) => [d.rowTiles, ceilDiv(d.headDim, TILE), d.countHeads],
};

export const attentionProduct = defineKernel({
  name: 'attention.product',
  doc: 'out = tiles x, or out += tiles x, for each head: dv = p^T dy, dk = ds^T q, dq = ds k.',
  dims: productDims,
  buffers: {
    tiles: {
      access: 'read',
      dtype: 'store_t',
      shape: (d) => [3, d.countHeads, d.rowTiles, d.innerTiles, TILE, TILE],
      input: paddedTiles,
    },
    x: { access: 'read', dtype: 'store_t', shape: (d) => [d.batch, d.inner, d.xRow] },
    out: { access: 'read_write', dtype: 'store_t', shape: (d) => [d.batch, d.rows, d.outRow] },
  },
  variants: [subgroup, tiled],
  cost: (d) => {
    const scores =
      d.countHeads * Math.min(d.rows, TILE * d.rowTiles) * Math.min(d.inner, TILE * d.innerTiles);
    return { flops: 2 * scores * d.headDim, bytes: 4 * scores };
  },
  cases: {
    'vit-b16@512': productOf({ batch: 1, heads: 3, headDim: 64, rows: 1035, inner: 1035 }),
    'decoder@512': productOf({ batch: 1, heads: 8, headDim: 64, rows: 20, inner: 1024 }),
    'mini@96': productOf(
      { batch: 3, heads: 4, headDim: 32, rows: 37, inner: 37 },
      { firstHead: 2, countHeads: 9, plane: 2 },
    ),
    'one token': productOf({ batch: 1, heads: 1, headDim: 16, rows: 1, inner: 1 }),
    wide: productOf({ batch: 1, heads: 2, headDim: 128, rows: 41, inner: 3 }),
    'some keys': productOf(
      { batch: 2, heads: 3, headDim: 12, rows: 131, inner: 70 },
      {
        firstRowTile: 2,
        rowTiles: 2,
        firstInnerTile: 1,
        innerTiles: 2,
        accumulate: 1,
        xOffset: 8,
        outOffset: 4,
        plane: 1,
      },
    ),
    'odd heads': productOf({ batch: 2, heads: 4, headDim: 6, rows: 5, inner: 37 }),
    'ten, later keys': productOf(
      { batch: 1, heads: 3, headDim: 10, rows: 65, inner: 65 },
      { firstInnerTile: 2, innerTiles: 1, accumulate: 1 },
    ),
    one: productOf({ batch: 1, heads: 2, headDim: 1, rows: 11, inner: 3 }),
  },
  // sums of a thousand terms of either sign
  tolerance: 2e-6,
  reference: productReference,
});

type ProductSizes = Pick<ProductDims, 'batch' | 'heads' | 'headDim' | 'rows' | 'inner'>;

/** Dims of a whole product over rows that are packed three wide, for the tests. */
function productOf(sizes: ProductSizes, changes: Partial<ProductDims> = {}): ProductDims {
  const width = sizes.heads * sizes.headDim;
  return {
    ...sizes,
    firstHead: 0,
    countHeads: sizes.batch * sizes.heads,
    firstRowTile: 0,
    rowTiles: ceilDiv(sizes.rows, TILE),
    firstInnerTile: 0,
    innerTiles: ceilDiv(sizes.inner, TILE),
    plane: 0,
    xOffset: 0,
    xRow: 3 * width,
    outOffset: 0,
    outRow: 3 * width,
    accumulate: 0,
    ...changes,
  };
}

/** Random tiles with zeros where the inner index is out of range, as the scores kernel leaves them. */
function paddedTiles(d: ProductDims, random: () => number): Float64Array {
  const { innerTiles, firstInnerTile, inner } = d;
  const count = product([3, d.countHeads, d.rowTiles, innerTiles, TILE_SIZE]);
  return Float64Array.from({ length: count }, (_, i) => {
    const within = Math.floor((i % TILE_SIZE) / TILE);
    const column = TILE * (firstInnerTile + (Math.floor(i / TILE_SIZE) % innerTiles)) + within;
    return column < inner ? 2 * random() - 1 : 0;
  });
}

function productReference(d: ProductDims, a: HostArrays): HostArrays {
  const out = a.out.slice();
  const sums = new Float64Array(d.headDim);
  const [firstRow, firstInner] = [TILE * d.firstRowTile, TILE * d.firstInnerTile];
  for (let index = d.firstHead; index < d.firstHead + d.countHeads; index++) {
    const [item, head] = [Math.floor(index / d.heads), index % d.heads];
    const x = headRows(
      a.x,
      { offset: d.xOffset, row: d.xRow, tokens: d.inner, headDim: d.headDim },
      item,
      head,
    );
    const outRows = { offset: d.outOffset, row: d.outRow, tokens: d.rows, headDim: d.headDim };
    const into = headRows(out, outRows, item, head);
    const start = (d.plane * d.countHeads + index - d.firstHead) * d.rowTiles * d.innerTiles * TILE_SIZE;
    for (let r = firstRow; r < Math.min(d.rows, firstRow + TILE * d.rowTiles); r++) {
      sums.fill(0);
      for (let i = firstInner; i < Math.min(d.inner, firstInner + TILE * d.innerTiles); i++) {
        const weight = a.tiles[start + tileAt(r - firstRow, i - firstInner, d.innerTiles)];
        const row = x(i);
        for (let c = 0; c < d.headDim; c++) sums[c] += weight * row[c];
      }
      const to = into(r);
      for (let c = 0; c < d.headDim; c++) to[c] = (d.accumulate ? to[c] : 0) + sums[c];
    }
  }
  return { out };
}
