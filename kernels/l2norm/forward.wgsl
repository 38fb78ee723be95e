// y = x / ||x|| over each row; inverse keeps 1 / ||x|| for the backward pass. One workgroup per row.
const WG: u32 = 32;
alias store_t = f32;
struct Dims { rows: u32, cols: u32 }
@group(0) @binding(0) var<storage, read> x: array<store_t>;             // (rows, cols)
@group(0) @binding(1) var<storage, read_write> y: array<store_t>;       // (rows, cols)
@group(0) @binding(2) var<storage, read_write> inverse: array<f32>;     // (rows)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = group.y * groups.x + group.x;
  if (row >= dims.rows) { return; }
  let begin = row * dims.cols;
  let end = begin + dims.cols;
  var squares = 0.0;
  for (var i = begin + local.x; i < end; i += WG) { squares += f32(x[i]) * f32(x[i]); }
  let scale = inverseSqrt(workgroupSum(squares, local.x));
  for (var i = begin + local.x; i < end; i += WG) { y[i] = store_t(f32(x[i]) * scale); }
  if (local.x == 0) { inverse[row] = scale; }
}
