import { matmulNN, matmulNT, matmulTN, matmulTT } from '../../kernels/matmul/matmul.ts';
import { matmulPack, type PackDims, panelShape } from '../../kernels/matmul/pack.ts';
import { matmulPacked, packedSubgroup } from '../../kernels/matmul/packed.ts';
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
 * On lavapipe copying into panels takes as long as about 20 columns (for a) and 25 rows (for b) of the product and
 * makes the rest 10 to 40% faster. It does not pay where the product has fewer rows or columns than this, or where
 * its operands' rows are short.
 */
const PACKED_FROM = { rows: 512, columns: 512, sum: 256 };

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
  if (packs(operands, dims)) return packed(operands, dims, transposes);
  const { transposeA = false, transposeB = false } = transposes;
  const untransposed = transposeB ? matmulNT : matmulNN;
  const kernel = transposeA ? (transposeB ? matmulTT : matmulTN) : untransposed;
  return launch(kernel, dims, { a, b, c, bias, residual, preactivation }).c;
}

/** Whether this product is large, its panels can be bound, and the adapter is slow at reading far apart rows. */
function packs(operands: Operands, { batch, m, n, k }: MatmulDims): boolean {
  const { rows, columns, sum } = PACKED_FROM;
  if (batch > 1 || m < rows || n < columns || k < sum) return false;
  const { tiles, device } = engineOf(operands).gpu;
  const panelBytes = 4 * product(panelShape(Math.max(m, n), k));
  return panelBytes <= device.maxBindingBytes && tiles.defaultOf(matmulPacked).variant === packedSubgroup;
}

/** Three dispatches: both operands into panels, then their product. */
function packed(
  { a, b, ...rest }: Operands,
  { m, n, k, bias, activation, residual, preactivation }: MatmulDims,
  { transposeA = false, transposeB = false }: Transposes,
): Tensor {
  return engineOf({ a }).scope(() => {
    const panels = {
      a: intoPanels(a, { rows: m, k, transposed: Number(transposeA) }),
      b: intoPanels(b, { rows: n, k, transposed: Number(!transposeB) }),
    };
    const dims = { m, n, k, bias, activation, residual, preactivation };
    return launch(matmulPacked, dims, { ...panels, ...rest }).c;
  });
}

function intoPanels(x: Tensor, dims: PackDims): Tensor {
  const y = engineOf({ x }).empty(panelShape(dims.rows, dims.k), x.dtype);
  return launch(matmulPack, dims, { x, y }).y;
}
