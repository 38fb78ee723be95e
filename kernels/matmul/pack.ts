import { ceilDiv, type DimsOf, defineKernel, flatGrid } from '../kernel.ts';

/** Rows of a panel: as many as the product's register tile has rows, and columns. */
export const PANEL = 32;

const packDims = { rows: 'u32', k: 'u32', transposed: 'u32', across: 'u32' } as const;

/** A matrix of `rows` x `k`, stored as (k, rows) if `transposed`; `across` is for the right side of a product. */
export type PackDims = DimsOf<typeof packDims>;

/** Shape of the panels of such a matrix, padded with zeros. */
export function panelShape(rows: number, k: number): [panels: number, quads: number, values: number] {
  return [ceilDiv(rows, PANEL), ceilDiv(k, 4), 4 * PANEL];
}

/** Where in the matrix the element `i` of its panels stands. */
export function placeInPanels(i: number, quads: number, across: boolean): { row: number; column: number } {
  const within = i % (4 * PANEL);
  const quad = (i - within) / (4 * PANEL);
  const [r, c] = across ? [within % PANEL, Math.floor(within / PANEL)] : [within >> 2, within & 3];
  return { row: Math.floor(quad / quads) * PANEL + r, column: 4 * (quad % quads) + c };
}

const cases = (sizes: { rows: number; k: number }) =>
  [0, 1].flatMap((transposed) => [0, 1].map((across) => ({ ...sizes, transposed, across })));
const [plain, across, transposed, both] = cases({ rows: 1035, k: 768 });
const [oddPlain, oddAcross, oddTransposed, oddBoth] = cases({ rows: 37, k: 29 });
const [, , rowsOfFour] = cases({ rows: 44, k: 3 });

export const matmulPack = defineKernel({
  name: 'matmul.pack',
  doc: 'Copies a matrix into panels of 32 rows that a product reads from front to back. Goto and van de Geijn 2008, doi:10.1145/1356052.1356053.',
  dims: packDims,
  buffers: {
    x: { access: 'read', dtype: 'store_t', shape: (d) => (d.transposed ? [d.k, d.rows] : [d.rows, d.k]) },
    y: { access: 'write', dtype: 'store_t', shape: (d) => panelShape(d.rows, d.k) },
  },
  variants: [
    {
      name: 'plain',
      source: new URL('pack.wgsl', import.meta.url),
      tile: { default: { WG: 64 }, space: [{ WG: 32 }, { WG: 64 }, { WG: 128 }] },
      constants: (d) => ({
        TRANSPOSED: d.transposed,
        ACROSS: d.across,
        ALIGNED: Number((d.transposed ? d.rows : d.k) % 4 === 0),
      }),
      grid: (d, t) => {
        const quads = ceilDiv(d.k, 4);
        const rowBlocks = ceilDiv(d.rows, PANEL) * (PANEL / 4);
        const [along, across] = d.transposed ? [rowBlocks, quads] : [quads, rowBlocks];
        const [y, z] = flatGrid(across);
        return [ceilDiv(along, t.WG), y, z];
      },
    },
  ],
  cost: (d) => ({ flops: 0, bytes: 8 * d.rows * d.k }),
  cases: {
    'vit-b16@512': plain,
    'vit-b16@512 across': across,
    'vit-b16@512 transposed': transposed,
    'vit-b16@512 both': both,
    'odd plain': oddPlain,
    'odd across': oddAcross,
    'odd transposed': oddTransposed,
    'odd both': oddBoth,
    'rows of four': rowsOfFour,
  },
  tolerance: { f32: 0 },
  reference: (d, { x }) => {
    const [panels, quads, values] = panelShape(d.rows, d.k);
    const y = new Float64Array(panels * quads * values);
    y.forEach((_, i) => {
      const { row, column } = placeInPanels(i, quads, d.across !== 0);
      if (row >= d.rows || column >= d.k) return;
      y[i] = x[d.transposed ? column * d.rows + row : row * d.k + column];
    });
    return { y };
  },
});
