// c = activation(op(a) op(b) + bias) + residual, op = identity or transpose. One thread per element of c.
const TRANSPOSE_A: bool = false;
const TRANSPOSE_B: bool = false;
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

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let m = dims.m;
  let n = dims.n;
  let k = dims.k;
  let row = 8 * group.y + local.y;
  let column = 8 * group.x + local.x;
  if (row >= m || column >= n) { return; }
  let aFirst = select(group.z * m * k, 0, dims.sharedA != 0);
  let bFirst = select(group.z * n * k, 0, dims.sharedB != 0);
  var sum = 0.0;
  for (var i = 0u; i < k; i++) {
    let x = f32(a[aFirst + select(row * k + i, i * m + row, TRANSPOSE_A)]);
    let y = f32(b[bFirst + select(i * n + column, column * k + i, TRANSPOSE_B)]);
    sum += x * y;
  }
  finish((group.z * m + row) * n + column, column, sum);
}
