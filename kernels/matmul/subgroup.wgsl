enable subgroups;
// c = activation(op(a) op(b) + bias) + residual, op = identity or transpose. For software adapters, where a subgroup of
// 8 lanes is one SIMD register and registers are the only fast memory: no workgroup memory, no barrier.
// One subgroup makes ROWS x 32 of c: a lane keeps 4 columns of every row, 4 rows to a matrix (its columns are c's rows).
// Four steps of k at a time, a lane loads a 4 x 4 block of b for itself and, for each 8 rows, one vec4 of a for all:
// the row of its own number, or if a is transposed, for k + lane / 2 the rows of one half.
const ROWS: u32 = 32;  // 8, 16, 24 or 32
const TRANSPOSE_A: bool = false;
const TRANSPOSE_B: bool = false;
const_assert ROWS % 8 == 0 && ROWS <= 32;
alias a_t = f32;
alias b_t = f32;
alias store_t = f32;
struct Dims { batch: u32, m: u32, n: u32, k: u32, sharedA: u32, sharedB: u32, bias: u32, activation: u32, residual: u32, preactivation: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<a_t>>;                        // (batch or 1, m, k), or (.., k, m) if transposed
@group(0) @binding(1) var<storage, read> b: array<vec4<b_t>>;                        // (batch or 1, k, n), or (.., n, k) if transposed
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;                         // (n)
@group(0) @binding(3) var<storage, read> residual: array<vec4<store_t>>;             // (batch, m, n)
@group(0) @binding(4) var<storage, read_write> c: array<vec4<store_t>>;              // (batch, m, n)
@group(0) @binding(5) var<storage, read_write> preactivation: array<vec4<store_t>>;  // (batch, m, n)
@group(1) @binding(0) var<uniform> dims: Dims;

fn aQuad(i: u32) -> vec4f { return vec4f(a[i]); }
fn bQuad(i: u32) -> vec4f { return vec4f(b[i]); }
fn aElement(i: u32) -> f32 { return f32(a[i / 4][i % 4]); }
fn bElement(i: u32) -> f32 { return f32(b[i / 4][i % 4]); }

// Rows 4 half .. 4 half + 3 of the eight rows in x, four values of k each.
fn fourRows(x: vec4f, half: u32) -> mat4x4f {
  if (TRANSPOSE_A) {
    return transpose(mat4x4f(
      subgroupShuffle(x, half), subgroupShuffle(x, 2 + half), subgroupShuffle(x, 4 + half), subgroupShuffle(x, 6 + half)));
  }
  let r = 4 * half;
  return mat4x4f(subgroupShuffle(x, r), subgroupShuffle(x, r + 1), subgroupShuffle(x, r + 2), subgroupShuffle(x, r + 3));
}

// The product of four columns of b with those rows, for one value of k; a lane's x belongs to the row of its number.
fn outer(columns: vec4f, x: f32, half: u32) -> mat4x4f {
  let r = 4 * half;
  return mat4x4f(
    columns * subgroupShuffle(x, r), columns * subgroupShuffle(x, r + 1),
    columns * subgroupShuffle(x, r + 2), columns * subgroupShuffle(x, r + 3));
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let m = dims.m;
  let n = dims.n;
  let k = dims.k;
  let firstRow = group.x * ROWS;
  let column = 4 * (8 * group.y + lane);
  let aFirst = select(group.z * m * k, 0, dims.sharedA != 0);
  let bFirst = select(group.z * n * k, 0, dims.sharedB != 0);
  // steps between elements that are neighbours in a row, a column or along k
  let aRow = select(k, 1, TRANSPOSE_A);
  let aK = select(1, m, TRANSPOSE_A);
  let bK = select(n, 1, TRANSPOSE_B);
  let bColumn = select(1, k, TRANSPOSE_B);
  // whole vec4s while every row of the arrays begins with one; what is left over goes one k at a time
  let whole = select(k, m, TRANSPOSE_A) % 4 == 0 && select(n, k, TRANSPOSE_B) % 4 == 0;
  let wholeSteps = select(0, k / 4, whole);

  // in vec4s: where this lane begins, and its step to the next four k, the next eight rows, the next row of the block
  let aStart = (aFirst + select((firstRow + lane) * k, firstRow + lane / 2 * m + lane % 2 * 4, TRANSPOSE_A)) / 4;
  let bStart = (bFirst + column * bColumn) / 4;
  let aEight = 2 * aRow;
  let bLine = select(n, k, TRANSPOSE_B) / 4;
  var c0 = mat4x4f();
  var c1 = mat4x4f();
  var c2 = mat4x4f();
  var c3 = mat4x4f();
  var c4 = mat4x4f();
  var c5 = mat4x4f();
  var c6 = mat4x4f();
  var c7 = mat4x4f();
  for (var step = 0u; step < wholeSteps; step++) {
    let j = bStart + step * bK;
    var block = mat4x4f(bQuad(j), bQuad(j + bLine), bQuad(j + 2 * bLine), bQuad(j + 3 * bLine));
    if (TRANSPOSE_B) { block = transpose(block); }
    let i = aStart + step * aK;
    // all loads first: the compiler does not move them
    let x0 = aQuad(i);
    var x1: vec4f;
    var x2: vec4f;
    var x3: vec4f;
    if (ROWS > 8) { x1 = aQuad(i + aEight); }
    if (ROWS > 16) { x2 = aQuad(i + 2 * aEight); }
    if (ROWS > 24) { x3 = aQuad(i + 3 * aEight); }
    c0 += block * fourRows(x0, 0);
    c1 += block * fourRows(x0, 1);
    if (ROWS > 8) {
      c2 += block * fourRows(x1, 0);
      c3 += block * fourRows(x1, 1);
    }
    if (ROWS > 16) {
      c4 += block * fourRows(x2, 0);
      c5 += block * fourRows(x2, 1);
    }
    if (ROWS > 24) {
      c6 += block * fourRows(x3, 0);
      c7 += block * fourRows(x3, 1);
    }
  }
  for (var step = 4 * wholeSteps; step < k; step++) {
    let j = bFirst + step * bK + column * bColumn;
    let columns = vec4f(bElement(j), bElement(j + bColumn), bElement(j + 2 * bColumn), bElement(j + 3 * bColumn));
    let i = aFirst + step * aK + (firstRow + lane) * aRow;
    let x0 = aElement(i);
    c0 += outer(columns, x0, 0);
    c1 += outer(columns, x0, 1);
    if (ROWS > 8) {
      let x1 = aElement(i + 8 * aRow);
      c2 += outer(columns, x1, 0);
      c3 += outer(columns, x1, 1);
    }
    if (ROWS > 16) {
      let x2 = aElement(i + 16 * aRow);
      c4 += outer(columns, x2, 0);
      c5 += outer(columns, x2, 1);
    }
    if (ROWS > 24) {
      let x3 = aElement(i + 24 * aRow);
      c6 += outer(columns, x3, 0);
      c7 += outer(columns, x3, 1);
    }
  }

  // the matrices move up after each four rows, so that this code exists once and not for each of ROWS rows
  let rows = select(0, min(ROWS, m - firstRow), column < n);
  let shift = select(vec4f(), bias[column / 4], dims.bias != 0);
  let activation = dims.activation;
  let wholeRows = select(0, rows, n % 4 == 0);
  let first = (group.z * m + firstRow) * n + column;
  for (var r = 0u; r < wholeRows; r += 4) {
    for (var row = r; row < min(r + 4, wholeRows); row++) {
      let at = (first + row * n) / 4;
      let x = c0[row % 4] + shift;
      if (dims.preactivation != 0) { preactivation[at] = vec4<store_t>(x); }
      var y = activated(x, activation);
      if (dims.residual != 0) { y += vec4f(residual[at]); }
      c[at] = vec4<store_t>(y);
    }
    c0 = c1; c1 = c2; c2 = c3; c3 = c4; c4 = c5; c5 = c6; c6 = c7;
  }
  // rows that begin anywhere, one element at a time
  let splitRows = select(rows, 0, n % 4 == 0);
  for (var r = 0u; r < splitRows; r += 4) {
    for (var row = r; row < min(r + 4, splitRows); row++) {
      let start = first + row * n;
      let x = c0[row % 4] + shift;
      let y = activated(x, activation);
      for (var at = start; at < min(start + 4, start + n - column); at++) {
        if (dims.preactivation != 0) { preactivation[at / 4][at % 4] = store_t(x[at - start]); }
        c[at / 4][at % 4] = store_t(y[at - start] + select(0, f32(residual[at / 4][at % 4]), dims.residual != 0));
      }
    }
    c0 = c1; c1 = c2; c2 = c3; c3 = c4; c4 = c5; c5 = c6; c6 = c7;
  }
}
