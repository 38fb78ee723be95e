import { matmulNN, matmulNT, matmulTN, matmulTT } from '../../kernels/matmul/matmul.ts';
import type { MatmulDims } from '../../kernels/matmul/reference.ts';
import { ShapeError } from '../errors.ts';
import { launch } from '../launch.ts';
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

/**
 * Records c = activation(op(a) op(b) + bias) + residual, with op(a) m x k and op(b) k x n.
 * @returns c.
 */
export function launchMatmul(
  { a, b, c, bias, residual, preactivation }: Operands,
  sizes: Sizes,
  { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean } = {},
): Tensor {
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
  const untransposed = transposeB ? matmulNT : matmulNN;
  const kernel = transposeA ? (transposeB ? matmulTT : matmulTN) : untransposed;
  return launch(kernel, dims, { a, b, c, bias, residual, preactivation }).c;
}
