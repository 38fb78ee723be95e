/** The parts of a transformer block in float64, written for being right; loops are ordered for the cache. */

export type Array64 = Float64Array<ArrayBuffer>;

/** Row by row. */
export interface Matrix {
  rows: number;
  cols: number;
  values: Array64;
}

export function zeros(rows: number, cols: number): Matrix {
  return { rows, cols, values: new Float64Array(rows * cols) };
}

export function transpose({ rows, cols, values }: Matrix): Matrix {
  const result = zeros(cols, rows);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) result.values[c * rows + r] = values[r * cols + c];
  }
  return result;
}

/** a b, four rows of b at a time, so that half as much is read and written. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  const result = zeros(a.rows, b.cols);
  const last = b.rows - 1;
  for (let r = 0; r < a.rows; r++) {
    const row = rowOf(result, r);
    const left = rowOf(a, r);
    for (let k = 0; k <= last; k += 4) {
      const f0 = left[k];
      const f1 = left[k + 1] ?? 0;
      const f2 = left[k + 2] ?? 0;
      const f3 = left[k + 3] ?? 0;
      const b0 = rowOf(b, k);
      const b1 = rowOf(b, Math.min(k + 1, last));
      const b2 = rowOf(b, Math.min(k + 2, last));
      const b3 = rowOf(b, Math.min(k + 3, last));
      for (let c = 0; c < row.length; c++) row[c] += f0 * b0[c] + f1 * b1[c] + f2 * b2[c] + f3 * b3[c];
    }
  }
  return result;
}

function rowOf({ cols, values }: Matrix, r: number): Array64 {
  return values.subarray(r * cols, (r + 1) * cols);
}

/** `size` columns from `first` on. */
export function columns({ rows, cols, values }: Matrix, first: number, size: number): Matrix {
  const result = zeros(rows, size);
  for (let r = 0; r < rows; r++) {
    result.values.set(values.subarray(r * cols + first, r * cols + first + size), r * size);
  }
  return result;
}

/** Puts columns into a wider matrix, at `first`. */
export function setColumns(into: Matrix, first: number, from: Matrix): void {
  for (let r = 0; r < from.rows; r++) {
    into.values.set(rowOf(from, r), r * into.cols + first);
  }
}

/** Attention's probabilities of one head: softmax of q k^T / sqrt(columns). */
export function probabilities(q: Matrix, k: Matrix): Matrix {
  const scores = multiply(q, transpose(k));
  const scale = 1 / Math.sqrt(q.cols);
  for (let r = 0; r < scores.rows; r++) {
    const row = rowOf(scores, r);
    const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
    let sum = 0;
    for (let c = 0; c < row.length; c++) {
      row[c] = Math.exp((row[c] - top) * scale);
      sum += row[c];
    }
    for (let c = 0; c < row.length; c++) row[c] /= sum;
  }
  return scores;
}

export function attention(q: Matrix, k: Matrix, v: Matrix, heads: number): Matrix {
  const result = zeros(q.rows, q.cols);
  const size = q.cols / heads;
  for (let first = 0; first < q.cols; first += size) {
    const part = (x: Matrix): Matrix => columns(x, first, size);
    setColumns(result, first, multiply(probabilities(part(q), part(k)), part(v)));
  }
  return result;
}

/** The gradients of {@link attention}. */
export function attentionBackward(dy: Matrix, q: Matrix, k: Matrix, v: Matrix, heads: number) {
  const [dq, dk, dv] = [q, k, v].map(({ rows, cols }) => zeros(rows, cols));
  const size = q.cols / heads;
  const scale = 1 / Math.sqrt(size);
  for (let first = 0; first < q.cols; first += size) {
    const part = (x: Matrix): Matrix => columns(x, first, size);
    const [ours, queries, keys, values] = [dy, q, k, v].map(part);
    const p = probabilities(queries, keys);
    const ds = multiply(ours, transpose(values));
    for (let r = 0; r < p.rows; r++) {
      const row = rowOf(ds, r);
      const weights = rowOf(p, r);
      let mean = 0;
      for (let c = 0; c < row.length; c++) mean += row[c] * weights[c];
      for (let c = 0; c < row.length; c++) row[c] = weights[c] * (row[c] - mean) * scale;
    }
    setColumns(dv, first, multiply(transpose(p), ours));
    setColumns(dq, first, multiply(ds, keys));
    setColumns(dk, first, multiply(transpose(ds), queries));
  }
  return { dq, dk, dv };
}

/** Rows with mean 0 and variance 1, and the reciprocals of their standard deviations. */
export function layernorm(x: Matrix, epsilon: number) {
  const { rows, cols } = x;
  const normal = zeros(rows, cols);
  const reciprocals = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    const row = rowOf(x, r);
    const mean = row.reduce((sum, value) => sum + value, 0) / cols;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / cols;
    reciprocals[r] = 1 / Math.sqrt(variance + epsilon);
    for (let c = 0; c < cols; c++) normal.values[r * cols + c] = (row[c] - mean) * reciprocals[r];
  }
  return { normal, reciprocals };
}

/** The gradient of the rows, from the gradient of the normalised ones. */
export function layernormBackward(dy: Matrix, { normal, reciprocals }: ReturnType<typeof layernorm>): Matrix {
  const { rows, cols } = dy;
  const dx = zeros(rows, cols);
  for (let r = 0; r < rows; r++) {
    let mean = 0;
    let along = 0;
    for (let i = r * cols; i < (r + 1) * cols; i++) {
      mean += dy.values[i] / cols;
      along += (dy.values[i] * normal.values[i]) / cols;
    }
    for (let i = r * cols; i < (r + 1) * cols; i++) {
      dx.values[i] = reciprocals[r] * (dy.values[i] - mean - normal.values[i] * along);
    }
  }
  return dx;
}

/** The sum of the rows. */
export function sumRows({ rows, cols, values }: Matrix): Array64 {
  const sums = new Float64Array(cols);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) sums[c] += values[r * cols + c];
  return sums;
}
