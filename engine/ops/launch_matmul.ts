import { ceilDiv } from '../../kernels/kernel.ts';
import { matmulNN, matmulNT, matmulTN, matmulTT } from '../../kernels/matmul/matmul.ts';
import { matmulOuter, type OuterDims, outerSubgroup } from '../../kernels/matmul/outer.ts';
import { matmulPack, PANEL, type PackDims, panelShape } from '../../kernels/matmul/pack.ts';
import type { MatmulDims } from '../../kernels/matmul/reference.ts';
import { ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
import { product } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface Operands {
  a: Tensor;
  b: Tensor;
  /** The product, batch x m x n elements under any shape. */
  c: Tensor;
  bias?: Tensor;
  residual?: Tensor;
  /** Receives the values before the activation. */
  preactivation?: Tensor;
}

type Sizes = Pick<MatmulDims, 'm' | 'n' | 'k'> &
  Partial<Pick<MatmulDims, 'batch' | 'sharedA' | 'sharedB' | 'activation'>>;

interface Transposes {
  transposeA?: boolean;
  transposeB?: boolean;
}

/**
 * On lavapipe copying into panels takes as long as so many columns (for a) and rows (for b) of the product, and the rest
 * is then 10 to 40% faster. It pays while copying takes at most this share, and where sums are not short.
 */
const PACKING = { columns: 20, rows: 25, share: 0.09, shortestSum: 128 };

/**
 * Records c = activation(op(a) op(b) + bias) + residual, with op(a) m x k and op(b) k x n.
 * @returns c.
 */
export function launchMatmul(operands: Operands, sizes: Sizes, transposes: Transposes = {}): Tensor {
  const { a, b, c, bias, residual, preactivation } = operands;
  const dims = {
    batch: 1,
    sharedA: 0,
    sharedB: 0,
    activation: 0,
    ...sizes,
    bias: Number(bias !== undefined),
    residual: Number(residual !== undefined),
    preactivation: Number(preactivation !== undefined),
  };
  if (dims.batch > 65535) throw new ShapeError(`matmul: a batch of ${dims.batch}, wanted at most 65535`);
  const { transposeA = false, transposeB = false } = transposes;
  if (packs(operands, dims)) return packed(operands, dims, { transposeA, transposeB });
  if (transposeA && !transposeB && fillsTiles(operands, dims)) return outer(operands, outerDims(dims, 0));
  const untransposed = transposeB ? matmulNT : matmulNN;
  const kernel = transposeA ? (transposeB ? matmulTT : matmulTN) : untransposed;
  return launch(kernel, dims, { a, b, c, bias, residual, preactivation }).c;
}

/** Whether this product is large enough, and its panels can be bound. */
function packs(operands: Operands, dims: MatmulDims): boolean {
  if (!isOuter(operands, dims, 1)) return false;
  const { m, n, k } = dims;
  const { columns, rows, share, shortestSum } = PACKING;
  if (columns / n + rows / m > share || k < shortestSum) return false;
  const panelBytes = 4 * product(panelShape(Math.max(m, n), k));
  return panelBytes <= engineOf(operands).gpu.device.maxBindingBytes;
}

/** Whether operands as they lie suit the outer product, most columns of whose tiles of 64 exist. */
function fillsTiles(operands: Operands, dims: MatmulDims): boolean {
  const { n } = dims;
  return n >= 0.9 * 2 * PANEL * ceilDiv(n, 2 * PANEL) && isOuter(operands, dims, 0);
}

/** Whether a sum of outer products is what this adapter likes, and this is a single product that it takes. */
function isOuter(operands: Operands, dims: MatmulDims, panels: number): boolean {
  const { tiles } = engineOf(operands).gpu;
  return dims.batch === 1 && tiles.defaultOf(matmulOuter, outerDims(dims, panels)).variant === outerSubgroup;
}

function outerDims(
  { m, n, k, bias, activation, residual, preactivation }: MatmulDims,
  panels: number,
): OuterDims {
  return { m, n, k, bias, activation, residual, preactivation, panels };
}

/** Three dispatches: both operands into panels, then their product. */
function packed(
  { a, b, ...rest }: Operands,
  dims: MatmulDims,
  { transposeA, transposeB }: Required<Transposes>,
): Tensor {
  const { m, n, k } = dims;
  return engineOf({ a }).scope(() => {
    const panels = {
      a: intoPanels(a, { rows: m, k, transposed: Number(transposeA) }),
      b: intoPanels(b, { rows: n, k, transposed: Number(!transposeB) }),
    };
    return outer({ ...panels, ...rest }, outerDims(dims, 1));
  });
}

function intoPanels(x: Tensor, dims: PackDims): Tensor {
  const y = engineOf({ x }).empty(panelShape(dims.rows, dims.k), x.dtype);
  return launch(matmulPack, dims, { x, y }).y;
}

/** One dispatch, of operands that are stored k first. */
function outer(operands: Operands, dims: OuterDims): Tensor {
  return launch(matmulOuter, dims, operands).c;
}
