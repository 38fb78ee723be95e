import { matmulNN, matmulNT, matmulTN, matmulTT } from '../../kernels/matmul/matmul.ts';
import { matmulPack } from '../../kernels/matmul/pack.ts';
import { matmulPacked, packedSubgroup } from '../../kernels/matmul/packed.ts';
import type { MatmulDims } from '../../kernels/matmul/reference.ts';
import { ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
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
 * Copying into panels costs as much as about 15 columns (for a) and 15 rows (for b) of the product on lavapipe and
 * makes it up to a quarter faster; below this size it does not pay.
 */
const PACKED_FROM = 256;

/**
 * Records c = activation(op(a) op(b) + bias) + residual, with op(a) m x k and op(b) k x n.
 * @returns c.
 */
export function launchMatmul(operands: Operands, sizes: Sizes, transposes: Transposes = {}): Tensor {
  const { bias, residual, preactivation } = operands;
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
  return launch(kernel, dims, { ...operands }).c;
}

/** Whether this product is large, and the adapter one where reading far apart rows is slow. */
function packs(operands: Operands, { batch, m, n, k }: MatmulDims): boolean {
  const { tiles } = engineOf(operands).gpu;
  return (
    batch === 1 &&
    Math.min(m, n, k) >= PACKED_FROM &&
    tiles.defaultOf(matmulPacked).variant === packedSubgroup
  );
}

/** Three dispatches: both operands into panels, then their product. */
function packed(
  { a, b, ...rest }: Operands,
  { batch: _, sharedA: __, sharedB: ___, ...dims }: MatmulDims,
  { transposeA = false, transposeB = false }: Transposes,
): Tensor {
  const { m, n, k } = dims;
  return engineOf({ a }).scope(() => {
    const left = { rows: m, k, transposed: Number(transposeA), across: 0 };
    const right = { rows: n, k, transposed: Number(!transposeB), across: 1 };
    const panels = {
      a: launch(matmulPack, left, { x: a }).y,
      b: launch(matmulPack, right, { x: b }).y,
    };
    return launch(matmulPacked, dims, { ...panels, ...rest }).c;
  });
}
