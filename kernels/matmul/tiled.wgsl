// c = activation(op(a) op(b) + bias) + residual, op = identity or transpose. A workgroup of 16 x 16 threads makes
// 64 BLOCK x 64 BLOCK of c; a thread owns BLOCK x BLOCK pieces of 4 x 4, 64 rows and columns apart. Tiles of a and b
// with 16 / BLOCK values of k wait in workgroup memory, one vec4 (along the rows of op(a), the columns of op(b)) from each thread.
const BLOCK: u32 = 1;  // 1, 2 or 4
const TRANSPOSE_A: bool = false;
const TRANSPOSE_B: bool = false;
const DEPTH: u32 = 16 / BLOCK;
const QUADS: u32 = 16 * BLOCK;
const LINE: u32 = QUADS + 1;  // in vec4s; one more than needed keeps neighbouring lines in other banks
const_assert DEPTH * BLOCK == 16;
alias a_t = f32;
alias b_t = f32;
alias store_t = f32;
struct Dims { batch: u32, m: u32, n: u32, k: u32, sharedA: u32, sharedB: u32, bias: u32, activation: u32, residual: u32, preactivation: u32 }
@group(0) @binding(0) var<storage, read> a: array<a_t>;                        // (batch or 1, m, k), or (.., k, m) if transposed
@group(0) @binding(1) var<storage, read> b: array<b_t>;                        // (batch or 1, k, n), or (.., n, k) if transposed
@group(0) @binding(2) var<storage, read> bias: array<f32>;                     // (n)
@group(0) @binding(3) var<storage, read> residual: array<store_t>;             // (batch, m, n)
@group(0) @binding(4) var<storage, read_write> c: array<store_t>;              // (batch, m, n)
@group(0) @binding(5) var<storage, read_write> preactivation: array<store_t>;  // (batch, m, n)
@group(1) @binding(0) var<uniform> dims: Dims;

var<workgroup> aTile: array<vec4f, DEPTH * LINE>;  // (k, row quad)
var<workgroup> bTile: array<vec4f, DEPTH * LINE>;  // (k, column quad)

// Which k and which quad of a tile a thread loads: neighbours in memory go to neighbouring threads.
fn placeOf(thread: u32, alongK: bool) -> vec2u {
  if (alongK) { return vec2u(thread % DEPTH, thread / DEPTH); }
  return vec2u(thread / QUADS, thread % QUADS);
}

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) thread: u32) {
  let m = dims.m;
  let n = dims.n;
  let k = dims.k;
  let firstRow = 4 * QUADS * group.y;
  let firstColumn = 4 * QUADS * group.x;
  let aRow = select(k, 1, TRANSPOSE_A);
  let aK = select(1, m, TRANSPOSE_A);
  let bK = select(n, 1, TRANSPOSE_B);
  let bColumn = select(1, k, TRANSPOSE_B);
  let aPlace = placeOf(thread, !TRANSPOSE_A);
  let bPlace = placeOf(thread, TRANSPOSE_B);
  let row = firstRow + 4 * aPlace.y;
  let column = firstColumn + 4 * bPlace.y;
  let aFirst = select(group.z * m * k, 0, dims.sharedA != 0) + row * aRow;
  let bFirst = select(group.z * n * k, 0, dims.sharedB != 0) + column * bColumn;

  var sums: array<mat4x4f, BLOCK * BLOCK>;  // a column of a matrix is a row of c
  for (var step = 0u; step < k; step += DEPTH) {
    var x = vec4f();
    var y = vec4f();
    for (var e = 0u; e < 4; e++) {
      if (row + e < m && step + aPlace.x < k) { x[e] = f32(a[aFirst + e * aRow + (step + aPlace.x) * aK]); }
      if (column + e < n && step + bPlace.x < k) { y[e] = f32(b[bFirst + e * bColumn + (step + bPlace.x) * bK]); }
    }
    workgroupBarrier();
    aTile[aPlace.x * LINE + aPlace.y] = x;
    bTile[bPlace.x * LINE + bPlace.y] = y;
    workgroupBarrier();
    for (var i = 0u; i < DEPTH; i++) {
      for (var s = 0u; s < BLOCK; s++) {
        let rows = aTile[i * LINE + 16 * s + local.y];
        for (var t = 0u; t < BLOCK; t++) {
          let columns = bTile[i * LINE + 16 * t + local.x];
          sums[s * BLOCK + t] += mat4x4f(columns * rows.x, columns * rows.y, columns * rows.z, columns * rows.w);
        }
      }
    }
  }

  for (var s = 0u; s < BLOCK; s++) {
    for (var t = 0u; t < BLOCK; t++) {
      let piece = sums[s * BLOCK + t];
      let top = firstRow + 64 * s + 4 * local.y;
      let left = firstColumn + 64 * t + 4 * local.x;
      for (var r = top; r < min(top + 4, m); r++) {
        for (var q = left; q < min(left + 4, n); q++) { finish((group.z * m + r) * n + q, q, piece[r - top][q - left]); }
      }
    }
  }
}
