import { ceilDiv, type DimsOf, defineKernel, flatGrid, product } from '../kernel.ts';

/** Rows of a panel: as many as the product's register tile has. */
export const PANEL = 32;

const packDims = { rows: 'u32', k: 'u32', transposed: 'u32' } as const;

/** A matrix of `rows` x `k`, stored as (k, rows) if `transposed`. */
export type PackDims = DimsOf<typeof packDims>;

/** Shape of the panels of such a matrix, padded with zeros. */
export function panelShape(rows: number, k: number): [panels: number, k: number, rows: number] {
  return [ceilDiv(rows, PANEL), 4 * ceilDiv(k, 4), PANEL];
}

/** Where in the matrix the element `i` of its panels stands; `length` is the panels' middle axis. */
export function placeInPanels(i: number, length: number): { row: number; column: number } {
  const line = Math.floor(i / PANEL);
  return { row: Math.floor(line / length) * PANEL + (i % PANEL), column: line % length };
}

const cases = (rows: number, k: number) => [0, 1].map((transposed) => ({ rows, k, transposed }));
const [plain, transposed] = cases(1035, 768);
const [oddPlain, oddTransposed] = cases(37, 29);
const [, rowsOfFour] = cases(44, 3);

export const matmulPack = defineKernel({
  name: 'matmul.pack',
  doc: 'Copies a matrix into panels of 32 rows that a product reads from front to back. Goto and van de Geijn 2008, doi:10.1145/1356052.1356053.',
  dims: packDims,
  buffers: {
    x: { access: 'read', dtype: 'store_t', shape: (d) => (d.transposed ? [d.k, d.rows] : [d.rows, d.k]) },
    y: { access: 'write', dtype: 'store_t', shape: (d) => panelShape(d.rows, d.k) },
  },
  source: new URL('pack.wgsl', import.meta.url),
  tiles: [{ WG: 64 }, { WG: 32 }, { WG: 128 }],
  constants: (d) => ({
    TRANSPOSED: d.transposed,
    ALIGNED: Number((d.transposed ? d.rows : d.k) % 4 === 0),
  }),
  grid: (d, t) => {
    const quads = ceilDiv(d.k, 4);
    const rowBlocks = ceilDiv(d.rows, PANEL) * (PANEL / 4);
    const [along, across] = d.transposed ? [rowBlocks, quads] : [quads, rowBlocks];
    const [y, z] = flatGrid(across);
    return [ceilDiv(along, t.WG), y, z];
  },
  cost: (d) => ({ flops: 0, bytes: 8 * d.rows * d.k }),
  cases: {
    'vit-b16@512': plain,
    'vit-b16@512 transposed': transposed,
    'odd plain': oddPlain,
    'odd transposed': oddTransposed,
    'rows of four': rowsOfFour,
  },
  tolerance: 0,
  reference: (d, { x }) => {
    const shape = panelShape(d.rows, d.k);
    const y = new Float64Array(product(shape));
    y.forEach((_, i) => {
      const { row, column } = placeInPanels(i, shape[1]);
      if (row >= d.rows || column >= d.k) return;
      y[i] = x[d.transposed ? column * d.rows + row : row * d.k + column];
    });
    return { y };
  },
});
