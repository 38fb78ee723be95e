enable subgroups;
// c = activation(op(a) op(b) + bias) + residual, op = identity or transpose. For software adapters, where a subgroup of
// 8 lanes is one SIMD register and registers are the only fast memory: no workgroup memory, no barrier.
// One subgroup makes ROWS x 32 of c: a lane keeps 4 columns of every row. Four steps of k at a time, a lane loads a
// 4 x 4 block of b for itself and, for each 8 rows, one vec4 of a for all: the row of its own number, or if a is
// transposed, for k + lane / 2 the rows of one half. Such an adapter runs through branches that no lane takes and once
// too often through every loop that ends at its top, so what the sizes do not need is left out by constants.
const ROWS: u32 = 24;  // 8, 16, 24 or 32
const TRANSPOSE_A: bool = false;
const TRANSPOSE_B: bool = false;
const ALIGNED: bool = false;      // every row of a and b begins with a whole vec4, and k is at least 4
const TAIL: bool = true;          // k is not a multiple of 4, or nothing is aligned
const SPLIT: bool = true;         // rows of c begin anywhere
const ACTIVATES: bool = true;     // there is an activation
const PREACTIVATES: bool = true;  // the values before it are kept
const ADDS: bool = true;          // there is a residual
const_assert ROWS % 8 == 0 && ROWS <= 32;
alias a_t = f32;
alias b_t = f32;
alias store_t = f32;
alias a_words = vec4u;
alias b_words = vec4u;
struct Dims { batch: u32, m: u32, n: u32, k: u32, sharedA: u32, sharedB: u32, bias: u32, activation: u32, residual: u32, preactivation: u32 }
@group(0) @binding(0) var<storage, read> a: array<a_words>;                          // (batch or 1, m, k), or (.., k, m) if transposed
@group(0) @binding(1) var<storage, read> b: array<b_words>;                          // (batch or 1, k, n), or (.., n, k) if transposed
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;                         // (n)
@group(0) @binding(3) var<storage, read> residual: array<vec4<store_t>>;             // (batch, m, n)
@group(0) @binding(4) var<storage, read_write> c: array<vec4<store_t>>;              // (batch, m, n)
@group(0) @binding(5) var<storage, read_write> preactivation: array<vec4<store_t>>;  // (batch, m, n)
@group(1) @binding(0) var<uniform> dims: Dims;

const A_HALVES = a_t(1) + a_t(1e-4) == a_t(1);  // what f16 cannot tell apart
const B_HALVES = b_t(1) + b_t(1e-4) == b_t(1);

fn aQuad(i: u32) -> vec4f { return vec4f(bitcast<vec4<a_t>>(a[i])); }
fn bQuad(i: u32) -> vec4f { return vec4f(bitcast<vec4<b_t>>(b[i])); }
fn aElement(i: u32) -> f32 {
  if (A_HALVES) { return unpack2x16float(a[i / 4][i % 4 / 2])[i % 2]; }
  return bitcast<f32>(a[i / 4][i % 4]);
}
fn bElement(i: u32) -> f32 {
  if (B_HALVES) { return unpack2x16float(b[i / 4][i % 4 / 2])[i % 2]; }
  return bitcast<f32>(b[i / 4][i % 4]);
}

// Adds to four columns of one of the eight rows in x its product with a block of b: four values of k.
fn addFour(sum: vec4f, block: mat4x4f, x: vec4f, row: u32) -> vec4f {
  if (TRANSPOSE_A) {
    let half = row / 4;
    let y = x[row % 4];
    return sum + block[0] * subgroupShuffle(y, half) + block[1] * subgroupShuffle(y, 2 + half)
      + block[2] * subgroupShuffle(y, 4 + half) + block[3] * subgroupShuffle(y, 6 + half);
  }
  return sum + block[0] * subgroupShuffle(x.x, row) + block[1] * subgroupShuffle(x.y, row)
    + block[2] * subgroupShuffle(x.z, row) + block[3] * subgroupShuffle(x.w, row);
}

// The same for one value of k; a lane's x belongs to the row of its number.
fn addOne(sum: vec4f, columns: vec4f, x: f32, row: u32) -> vec4f { return sum + columns * subgroupShuffle(x, row); }

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

  // all named one by one: what an index could reach would not stay in registers
  var c0 = vec4f(); var c1 = vec4f(); var c2 = vec4f(); var c3 = vec4f(); var c4 = vec4f(); var c5 = vec4f(); var c6 = vec4f(); var c7 = vec4f();
  var c8 = vec4f(); var c9 = vec4f(); var c10 = vec4f(); var c11 = vec4f(); var c12 = vec4f(); var c13 = vec4f(); var c14 = vec4f(); var c15 = vec4f();
  var c16 = vec4f(); var c17 = vec4f(); var c18 = vec4f(); var c19 = vec4f(); var c20 = vec4f(); var c21 = vec4f(); var c22 = vec4f(); var c23 = vec4f();
  var c24 = vec4f(); var c25 = vec4f(); var c26 = vec4f(); var c27 = vec4f(); var c28 = vec4f(); var c29 = vec4f(); var c30 = vec4f(); var c31 = vec4f();
  if (ALIGNED) {
    // in vec4s: where this lane begins, and its step to the next eight rows, the next row of the block
    let aStart = (aFirst + select((firstRow + lane) * k, firstRow + lane / 2 * m + lane % 2 * 4, TRANSPOSE_A)) / 4;
    let bStart = (bFirst + column * bColumn) / 4;
    let aEight = 2 * aRow;
    let bLine = select(n, k, TRANSPOSE_B) / 4;
    var step = 0u;
    loop {
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
      c0 = addFour(c0, block, x0, 0);
      c1 = addFour(c1, block, x0, 1);
      c2 = addFour(c2, block, x0, 2);
      c3 = addFour(c3, block, x0, 3);
      c4 = addFour(c4, block, x0, 4);
      c5 = addFour(c5, block, x0, 5);
      c6 = addFour(c6, block, x0, 6);
      c7 = addFour(c7, block, x0, 7);
      if (ROWS > 8) {
        c8 = addFour(c8, block, x1, 0);
        c9 = addFour(c9, block, x1, 1);
        c10 = addFour(c10, block, x1, 2);
        c11 = addFour(c11, block, x1, 3);
        c12 = addFour(c12, block, x1, 4);
        c13 = addFour(c13, block, x1, 5);
        c14 = addFour(c14, block, x1, 6);
        c15 = addFour(c15, block, x1, 7);
      }
      if (ROWS > 16) {
        c16 = addFour(c16, block, x2, 0);
        c17 = addFour(c17, block, x2, 1);
        c18 = addFour(c18, block, x2, 2);
        c19 = addFour(c19, block, x2, 3);
        c20 = addFour(c20, block, x2, 4);
        c21 = addFour(c21, block, x2, 5);
        c22 = addFour(c22, block, x2, 6);
        c23 = addFour(c23, block, x2, 7);
      }
      if (ROWS > 24) {
        c24 = addFour(c24, block, x3, 0);
        c25 = addFour(c25, block, x3, 1);
        c26 = addFour(c26, block, x3, 2);
        c27 = addFour(c27, block, x3, 3);
        c28 = addFour(c28, block, x3, 4);
        c29 = addFour(c29, block, x3, 5);
        c30 = addFour(c30, block, x3, 6);
        c31 = addFour(c31, block, x3, 7);
      }
      continuing { step++; break if step >= k / 4; }
    }
  }
  if (TAIL) {
    var step = select(0, k / 4 * 4, ALIGNED);
    loop {
      let j = bFirst + step * bK + column * bColumn;
      let columns = vec4f(bElement(j), bElement(j + bColumn), bElement(j + 2 * bColumn), bElement(j + 3 * bColumn));
      let i = aFirst + step * aK + (firstRow + lane) * aRow;
      let x0 = aElement(i);
      var x1: f32;
      var x2: f32;
      var x3: f32;
      if (ROWS > 8) { x1 = aElement(i + 8 * aRow); }
      if (ROWS > 16) { x2 = aElement(i + 16 * aRow); }
      if (ROWS > 24) { x3 = aElement(i + 24 * aRow); }
      c0 = addOne(c0, columns, x0, 0);
      c1 = addOne(c1, columns, x0, 1);
      c2 = addOne(c2, columns, x0, 2);
      c3 = addOne(c3, columns, x0, 3);
      c4 = addOne(c4, columns, x0, 4);
      c5 = addOne(c5, columns, x0, 5);
      c6 = addOne(c6, columns, x0, 6);
      c7 = addOne(c7, columns, x0, 7);
      if (ROWS > 8) {
        c8 = addOne(c8, columns, x1, 0);
        c9 = addOne(c9, columns, x1, 1);
        c10 = addOne(c10, columns, x1, 2);
        c11 = addOne(c11, columns, x1, 3);
        c12 = addOne(c12, columns, x1, 4);
        c13 = addOne(c13, columns, x1, 5);
        c14 = addOne(c14, columns, x1, 6);
        c15 = addOne(c15, columns, x1, 7);
      }
      if (ROWS > 16) {
        c16 = addOne(c16, columns, x2, 0);
        c17 = addOne(c17, columns, x2, 1);
        c18 = addOne(c18, columns, x2, 2);
        c19 = addOne(c19, columns, x2, 3);
        c20 = addOne(c20, columns, x2, 4);
        c21 = addOne(c21, columns, x2, 5);
        c22 = addOne(c22, columns, x2, 6);
        c23 = addOne(c23, columns, x2, 7);
      }
      if (ROWS > 24) {
        c24 = addOne(c24, columns, x3, 0);
        c25 = addOne(c25, columns, x3, 1);
        c26 = addOne(c26, columns, x3, 2);
        c27 = addOne(c27, columns, x3, 3);
        c28 = addOne(c28, columns, x3, 4);
        c29 = addOne(c29, columns, x3, 5);
        c30 = addOne(c30, columns, x3, 6);
        c31 = addOne(c31, columns, x3, 7);
      }
      continuing { step++; break if step >= k; }
    }
  }

  // the rows move up after each eight, so that this code exists once and not for each of ROWS rows
  let rows = min(ROWS, m - firstRow);
  let shift = select(vec4f(), bias[column / 4], dims.bias != 0);
  let first = (group.z * m + firstRow) * n + column;
  let columns = select(0, min(4, n - column), column < n);
  var r = 0u;
  loop {
    var row = r;
    loop {
      let odd = row % 2 != 0;
      let low = select(select(c0, c1, odd), select(c2, c3, odd), row % 4 > 1);
      let high = select(select(c4, c5, odd), select(c6, c7, odd), row % 4 > 1);
      store(first + row * n, columns, select(low, high, row % 8 > 3) + shift);
      continuing { row++; break if row >= min(r + 8, rows); }
    }
    c0 = c8; c1 = c9; c2 = c10; c3 = c11; c4 = c12; c5 = c13; c6 = c14; c7 = c15;
    c8 = c16; c9 = c17; c10 = c18; c11 = c19; c12 = c20; c13 = c21; c14 = c22; c15 = c23;
    c16 = c24; c17 = c25; c18 = c26; c19 = c27; c20 = c28; c21 = c29; c22 = c30; c23 = c31;
    continuing { r += 8; break if r >= rows; }
  }
}
