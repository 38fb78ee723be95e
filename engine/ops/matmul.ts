import type { StoreType } from '../../kernels/kernel.ts';
import { ShapeError } from '../errors.ts';
import { engineOf } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { product, type Shape, sameShape, show } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { stored } from './cast.ts';
import { columnSums } from './column_sums.ts';
import { launchMatmul } from './launch_matmul.ts';

interface MatmulArgs {
  /** (..., M, K), or (..., K, M) if transposed. */
  a: Tensor;
  /** (..., K, N), or (..., N, K) if transposed; either with the leading axes of a, or without any: one b for all. */
  b: Tensor;
  transposeA?: boolean;
  transposeB?: boolean;
  /** Precision that the product is stored in; that of a by default. a and b may differ. */
  dtype?: StoreType;
}

/**
 * op(a) op(b) over the last two axes: (..., M, N), op = identity or transpose.
 * @throws ShapeError when the axes do not fit; says so if a transpose would make them.
 */
export const matmul = defineOp({
  name: 'matmul',
  forward: ({ a, b, transposeA = false, transposeB = false, dtype }: MatmulArgs) => {
    const { shape, ...sizes } = sizesOf(a.shape, b.shape, transposeA, transposeB);
    const c = engineOf({ a }).empty(shape, dtype ?? a.dtype);
    const output = launchMatmul({ a, b, c }, sizes, { transposeA, transposeB });
    return {
      output,
      save: {
        a: b.requiresGrad ? a : null,
        b: a.requiresGrad ? b : null,
        aShape: a.shape,
        bShape: b.shape,
        aDtype: a.dtype,
        bDtype: b.dtype,
        sizes,
        transposeA,
        transposeB,
      },
    };
  },
  vjp: (dy, { a, b, aShape, bShape, aDtype, bDtype, sizes, transposeA, transposeB }, needs) => {
    const { batch, m, n, k, sharedB } = sizes;
    const engine = engineOf({ dy });
    const grads: Gradients<MatmulArgs> = {};
    if (needs.a && b) {
      const c = engine.empty(aShape, aDtype);
      // da = dy op(b)^T, or its transpose op(b) dy^T
      grads.a = transposeA
        ? launchMatmul(
            { a: b, b: dy, c },
            { batch, m: k, n: m, k: n, sharedA: sharedB },
            { transposeA: transposeB, transposeB: true },
          )
        : launchMatmul({ a: dy, b, c }, { batch, m, n: k, k: n, sharedB }, { transposeB: !transposeB });
    }
    if (needs.b && a) {
      const c = engine.empty([batch, ...bShape.slice(-2)], bDtype);
      // db = op(a)^T dy, or its transpose dy^T op(a)
      const db = transposeB
        ? launchMatmul(
            { a: dy, b: a, c },
            { batch, m: n, n: k, k: m },
            { transposeA: true, transposeB: transposeA },
          )
        : launchMatmul({ a, b: dy, c }, { batch, m: k, n, k: m }, { transposeA: !transposeA });
      grads.b = engine.view(sharedB ? stored(columnSums(db, batch, n * k), bDtype) : db, bShape);
    }
    return grads;
  },
});

/** The launch sizes; a shared b under an untransposed a is one product over all rows of a. */
function sizesOf(a: Shape, b: Shape, transposeA: boolean, transposeB: boolean) {
  const what = `matmul: a ${show(a)} x b ${show(b)}`;
  if (a.length < 2 || b.length < 2) throw new ShapeError(`${what}: wanted two axes or more`);
  const [m, k] = lastTwo(a, transposeA);
  const [inner, n] = lastTwo(b, transposeB);
  if (k !== inner) {
    const hint = k === n ? '; transposeB?' : m === inner ? '; transposeA?' : '';
    throw new ShapeError(`${what}: inner ${k} != ${inner}${hint}`);
  }
  const batchA = a.slice(0, -2);
  const batchB = b.slice(0, -2);
  const shared = batchB.length === 0 && batchA.length > 0;
  if (!shared && !sameShape(batchA, batchB)) {
    throw new ShapeError(`${what}: batch ${show(batchA)} != ${show(batchB)}`);
  }
  const batch = product(batchA);
  const shape = [...batchA, m, n];
  return shared && !transposeA
    ? { shape, batch: 1, m: batch * m, n, k, sharedB: 0 }
    : { shape, batch, m, n, k, sharedB: Number(shared) };
}

function lastTwo(shape: Shape, transposed: boolean): Shape {
  const [rows, cols] = shape.slice(-2);
  return transposed ? [cols, rows] : [rows, cols];
}
