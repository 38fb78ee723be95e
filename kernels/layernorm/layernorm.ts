import { ceilDiv, defineKernel, type HostArrays } from '../kernel.ts';
import { rowVariants } from '../shared/row_variants.ts';
import { sliceTiles } from '../shared/slice_tiles.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** y = (x - mean) / sqrt(var + eps) * gamma + beta, one row at a time. Ba et al. 2016, arXiv:1607.06450. */
function forwardReference(
  { rows, cols, eps }: { rows: number; cols: number; eps: number },
  a: HostArrays,
): HostArrays {
  const y = new Float64Array(rows * cols);
  const stats = new Float64Array(rows * 2);
  for (let r = 0; r < rows; r++) {
    const row = a.x.subarray(r * cols, (r + 1) * cols);
    const mean = row.reduce((s, v) => s + v, 0) / cols;
    const variance = row.reduce((s, v) => s + (v - mean) ** 2, 0) / cols;
    const rstd = 1 / Math.sqrt(variance + eps);
    for (let c = 0; c < cols; c++) y[r * cols + c] = (row[c] - mean) * rstd * a.gamma[c] + a.beta[c];
    stats.set([mean, rstd], 2 * r);
  }
  return { y, stats };
}

export const layernormForward = defineKernel({
  name: 'layernorm.forward',
  doc: 'Row normalisation with learnable scale and shift. Ba et al. 2016, arXiv:1607.06450.',
  variants: rowVariants(at('forward_subgroup.wgsl'), at('forward.wgsl')),
  dims: { rows: 'u32', cols: 'u32', eps: 'f32' },
  buffers: {
    x: {
      access: 'read',
      dtype: 'store_t',
      shape: (d) => [d.rows, d.cols],
      // an outlier, as CLIP's activations have them
      input: (d, random) =>
        Float64Array.from({ length: d.rows * d.cols }, (_, i) =>
          d.cols === 192 && i % d.cols === 0 ? 60 : 2 * random() - 1,
        ),
    },
    gamma: { access: 'read', dtype: 'f32', shape: (d) => [d.cols] },
    beta: { access: 'read', dtype: 'f32', shape: (d) => [d.cols] },
    y: { access: 'write', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
    stats: { access: 'write', dtype: 'f32', shape: (d) => [d.rows, 2] },
  },
  cost: (d) => ({ flops: 8 * d.rows * d.cols, bytes: 8 * d.rows * d.cols }),
  cases: {
    'vit-b16@512': { rows: 1035, cols: 768, eps: 1e-5 },
    odd: { rows: 7, cols: 77, eps: 1e-6 },
    'odd, one row': { rows: 1, cols: 3, eps: 1e-5 },
    'rows of 20': { rows: 6, cols: 20, eps: 1e-6 },
    'first column far off': { rows: 5, cols: 192, eps: 1e-5 },
  },
  tolerance: 2e-6,
  reference: forwardReference,
});

interface BackwardDims {
  rows: number;
  cols: number;
  /** 1: what is computed is added to a base. */
  extended: number;
}

/** With xhat = (x - mean) * rstd: calls back once a row with the row's xhat and dy. */
function eachRow(
  { rows, cols }: BackwardDims,
  a: HostArrays,
  visit: (r: number, xhat: Float64Array, dy: Float64Array) => void,
): void {
  for (let r = 0; r < rows; r++) {
    const [mean, rstd] = a.stats.subarray(2 * r, 2 * r + 2);
    const xhat = a.x.slice(r * cols, (r + 1) * cols).map((v) => (v - mean) * rstd);
    visit(r, xhat, a.dy.subarray(r * cols, (r + 1) * cols));
  }
}

const cases = {
  'vit-b16@512': { rows: 1035, cols: 768, extended: 1 },
  odd: { rows: 7, cols: 77, extended: 0 },
  'odd, with a base': { rows: 9, cols: 35, extended: 1 },
  'odd, one row': { rows: 1, cols: 3, extended: 0 },
  'rows of 20': { rows: 6, cols: 20, extended: 0 },
  'far from 0': { rows: 5, cols: 192, extended: 0 },
};

/** The mean of all rows in the case 'far from 0'. */
const centre = ({ cols }: BackwardDims): number => (cols === 192 ? 1000 : 0);

function around(d: BackwardDims, random: () => number): Float64Array {
  return Float64Array.from({ length: d.rows * d.cols }, () => centre(d) + 2 * random() - 1);
}

function statsAround(d: BackwardDims, random: () => number): Float64Array {
  return Float64Array.from({ length: 2 * d.rows }, (_, i) => (i % 2 === 0 ? centre(d) : 1) + random() / 2);
}

/** A base of a shape, where there is one. */
const baseShape = (d: BackwardDims, ...shape: number[]): number[] => (d.extended ? shape : [0]);

export const layernormBackward = defineKernel({
  name: 'layernorm.backward',
  doc: 'dx = base + rstd * (g - mean(g) - xhat * mean(g * xhat)) with g = dy * gamma.',
  variants: rowVariants(at('backward_subgroup.wgsl'), at('backward.wgsl')),
  dims: { rows: 'u32', cols: 'u32', extended: 'u32' },
  buffers: {
    dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
    x: { access: 'read', dtype: 'store_t', shape: (d) => [d.rows, d.cols], input: around },
    gamma: { access: 'read', dtype: 'f32', shape: (d) => [d.cols] },
    stats: { access: 'read', dtype: 'f32', shape: (d) => [d.rows, 2], input: statsAround },
    base: { access: 'read', dtype: 'store_t', shape: (d) => baseShape(d, d.rows, d.cols) },
    dx: { access: 'write', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
  },
  cost: (d) => ({
    flops: (11 + d.extended) * d.rows * d.cols,
    bytes: (12 + 4 * d.extended) * d.rows * d.cols,
  }),
  cases,
  tolerance: 2e-6,
  reference: (dims, a) => {
    const { rows, cols } = dims;
    const dx = dims.extended ? a.base.slice() : new Float64Array(rows * cols);
    eachRow(dims, a, (r, xhat, dy) => {
      const g = dy.map((v, c) => v * a.gamma[c]);
      const mean = g.reduce((s, v) => s + v, 0) / cols;
      const dot = g.reduce((s, v, c) => s + v * xhat[c], 0) / cols;
      for (let c = 0; c < cols; c++) dx[r * cols + c] += a.stats[2 * r + 1] * (g[c] - mean - xhat[c] * dot);
    });
    return { dx };
  },
});

export const layernormParameters = defineKernel({
  name: 'layernorm.parameters',
  doc: 'Gradients of scale and shift: dgamma = base + sum dy * xhat, dbeta = base + sum dy over all rows.',
  variants: [
    {
      name: 'columns',
      source: at('parameters_columns.wgsl'),
      fits: (facts) => facts.software,
      grid: (d) => [ceilDiv(d.cols, 64), 1, 1],
    },
    {
      name: 'split',
      source: at('parameters.wgsl'),
      ...sliceTiles,
      grid: (d, t) => [ceilDiv(d.cols, t.COLUMNS), 1, 1],
    },
  ],
  dims: { rows: 'u32', cols: 'u32', extended: 'u32' },
  buffers: {
    dy: { access: 'read', dtype: 'store_t', shape: (d) => [d.rows, d.cols] },
    x: { access: 'read', dtype: 'store_t', shape: (d) => [d.rows, d.cols], input: around },
    stats: { access: 'read', dtype: 'f32', shape: (d) => [d.rows, 2], input: statsAround },
    baseGamma: { access: 'read', dtype: 'f32', shape: (d) => baseShape(d, d.cols) },
    baseBeta: { access: 'read', dtype: 'f32', shape: (d) => baseShape(d, d.cols) },
    dgamma: { access: 'write', dtype: 'f32', shape: (d) => [d.cols] },
    dbeta: { access: 'write', dtype: 'f32', shape: (d) => [d.cols] },
  },
  cost: (d) => ({ flops: 5 * d.rows * d.cols, bytes: 8 * d.rows * d.cols }),
  cases,
  tolerance: 4e-6,
  reference: (dims, a) => {
    const dgamma = dims.extended ? a.baseGamma.slice() : new Float64Array(dims.cols);
    const dbeta = dims.extended ? a.baseBeta.slice() : new Float64Array(dims.cols);
    eachRow(dims, a, (_, xhat, dy) => {
      for (let c = 0; c < dims.cols; c++) {
        dgamma[c] += dy[c] * xhat[c];
        dbeta[c] += dy[c];
      }
    });
    return { dgamma, dbeta };
  },
});
