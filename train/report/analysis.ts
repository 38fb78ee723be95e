import type { Engine } from '../../engine/engine.ts';
import { ShapeError } from '../../engine/errors.ts';
import { add, concat, l2norm, matmul, reshape, scale, slice } from '../../engine/ops/index.ts';
import { show } from '../../engine/shape.ts';
import type { Tensor } from '../../engine/tensor.ts';

/**
 * Linear centred kernel alignment of every pair of feature sets: ||Y^T X||_F^2 / (||X^T X||_F ||Y^T Y||_F) with
 * centred columns, 1 where one is a rotation of the other up to scale and shift. Kornblith et al. 2019, "Similarity
 * of Neural Network Representations Revisited", section 3.
 * @param features each (n, d_i): the same n examples, any widths.
 * @returns (sets, sets), symmetric. NaN where a set does not vary.
 * @throws ShapeError where the numbers of examples differ.
 */
export async function linearCka(engine: Engine, features: readonly Tensor[]): Promise<number[][]> {
  const widths = features.map(({ shape }) => shape[1]);
  const starts = widths.map((_, set) => sum(widths.slice(0, set)));
  const total = sum(widths);
  const { products } = await engine.fetch(() => {
    const all = concat({ parts: centredColumns(engine, features), axis: 1 });
    return { products: matmul({ a: all, b: all, transposeA: true }) };
  });
  /** Squared Frobenius norm of X_a^T X_b. */
  const squaredNorm = (a: number, b: number): number => {
    let squares = 0;
    for (let row = starts[a]; row < starts[a] + widths[a]; row++) {
      for (let column = starts[b]; column < starts[b] + widths[b]; column++) {
        squares += products[row * total + column] ** 2;
      }
    }
    return squares;
  };
  const own = features.map((_, set) => Math.sqrt(squaredNorm(set, set)));
  return features.map((_, a) => features.map((_, b) => squaredNorm(a, b) / (own[a] * own[b])));
}

/** Each column's mean taken off. */
function centredColumns(engine: Engine, features: readonly Tensor[]): Tensor[] {
  const [examples] = features[0].shape;
  const share = engine.tensor(new Float32Array(examples).fill(1 / examples), [1, examples]);
  return features.map((x) => {
    if (x.shape.length !== 2 || x.shape[0] !== examples) {
      throw new ShapeError(`linearCka: features are ${show(x.shape)}, wanted (${examples}, width)`);
    }
    const mean = reshape({ x: matmul({ a: share, b: x }), shape: [x.shape[1]] });
    return add({ a: x, b: scale({ x: mean, factor: -1 }) });
  });
}

/** The tokens of one image on their grid. */
export interface TokenGrid {
  /** (rows * cols, D), no row all zeros. */
  features: Tensor;
  rows: number;
  cols: number;
}

/**
 * Cosine similarity of every patch with each of several vectors, such as class embeddings.
 * @param vectors (M, D).
 * @returns (M, rows, cols), in -1..1.
 */
export function cosineMaps({ features, rows, cols }: TokenGrid, vectors: Tensor): Tensor {
  const similarity = matmul({ a: l2norm({ x: vectors }), b: l2norm({ x: features }), transposeB: true });
  return reshape({ x: similarity, shape: [vectors.shape[0], rows, cols] });
}

/** Cosine similarity of every patch with one of them, by its index: (rows, cols). */
export function patchCosineMap(grid: TokenGrid, patch: number): Tensor {
  const query = slice({ x: grid.features, axis: 0, start: patch, length: 1 });
  return reshape({ x: cosineMaps(grid, query), shape: [grid.rows, grid.cols] });
}

/** Values brought to 0..1 between their least and greatest; all 0 where they are equal. */
export function minMax(values: ArrayLike<number>): { low: number; high: number; scaled: Float32Array } {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  const range = high - low || 1;
  return { low, high, scaled: Float32Array.from(values, (value) => (value - low) / range) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
