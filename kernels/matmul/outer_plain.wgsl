// c = activation(a^T b + bias) + residual, a and b both stored k first, as they are or in panels (pack.wgsl). One thread
// per element of c.
alias a_t = f32;
alias b_t = f32;
alias store_t = f32;
struct Dims { m: u32, n: u32, k: u32, bias: u32, activation: u32, residual: u32, preactivation: u32, panels: u32 }
@group(0) @binding(0) var<storage, read> a: array<a_t>;                        // (k, m), or (ceil(m / 32), 4 ceil(k / 4), 32)
@group(0) @binding(1) var<storage, read> b: array<b_t>;                        // (k, n), or (ceil(n / 32), 4 ceil(k / 4), 32)
@group(0) @binding(2) var<storage, read> bias: array<f32>;                     // (n)
@group(0) @binding(3) var<storage, read> residual: array<store_t>;             // (m, n)
@group(0) @binding(4) var<storage, read_write> c: array<store_t>;              // (m, n)
@group(0) @binding(5) var<storage, read_write> preactivation: array<store_t>;  // (m, n)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = 8 * group.y + local.y;
  let column = 8 * group.x + local.x;
  if (row >= dims.m || column >= dims.n) { return; }
  let panels = dims.panels != 0;
  let length = (dims.k + 3) / 4 * 4;
  let aFirst = select(row, row / 32 * length * 32 + row % 32, panels);
  let bFirst = select(column, column / 32 * length * 32 + column % 32, panels);
  let aLine = select(dims.m, 32, panels);
  let bLine = select(dims.n, 32, panels);
  var sum = 0.0;
  for (var i = 0u; i < dims.k; i++) { sum += f32(a[aFirst + i * aLine]) * f32(b[bFirst + i * bLine]); }
  finish(row * dims.n + column, column, sum);
}
