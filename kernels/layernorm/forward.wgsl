// y = (x - mean) * rstd * gamma + beta over each row; stats keeps (mean, rstd) for the backward pass.
// One workgroup per row, whose threads walk it in steps of WG; two-pass variance.
const WG: u32 = 64;
alias store_t = f32;
struct Dims { rows: u32, cols: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<store_t>;           // (rows, cols)
@group(0) @binding(1) var<storage, read> gamma: array<f32>;           // (cols)
@group(0) @binding(2) var<storage, read> beta: array<f32>;            // (cols)
@group(0) @binding(3) var<storage, read_write> y: array<store_t>;     // (rows, cols)
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;     // (rows, 2)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = group.y * groups.x + group.x;
  if (row >= dims.rows) { return; }
  let cols = dims.cols;
  let base = row * cols;
  var sum = 0.0;
  for (var c = local.x; c < cols; c += WG) { sum += f32(x[base + c]); }
  let mean = workgroupSum(sum, local.x) / f32(cols);
  var squares = 0.0;
  for (var c = local.x; c < cols; c += WG) {
    let d = f32(x[base + c]) - mean;
    squares += d * d;
  }
  let rstd = inverseSqrt(workgroupSum(squares, local.x) / f32(cols) + dims.eps);
  for (var c = local.x; c < cols; c += WG) {
    y[base + c] = store_t((f32(x[base + c]) - mean) * rstd * gamma[c] + beta[c]);
  }
  if (local.x == 0) {
    stats[2 * row] = mean;
    stats[2 * row + 1] = rstd;
  }
}
