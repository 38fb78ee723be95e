// dx = (dy - y * <dy, y>) / ||x|| over each row. One workgroup per row.
const WG: u32 = 32;
alias store_t = f32;
struct Dims { rows: u32, cols: u32 }
@group(0) @binding(0) var<storage, read> dy: array<store_t>;         // (rows, cols)
@group(0) @binding(1) var<storage, read> y: array<store_t>;          // (rows, cols)
@group(0) @binding(2) var<storage, read> inverse: array<f32>;        // (rows)
@group(0) @binding(3) var<storage, read_write> dx: array<store_t>;   // (rows, cols)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = group.y * groups.x + group.x;
  if (row >= dims.rows) { return; }
  let begin = row * dims.cols;
  let end = begin + dims.cols;
  let scale = inverse[row];
  var sum = 0.0;
  for (var i = begin + local.x; i < end; i += WG) { sum += f32(dy[i]) * f32(y[i]); }
  let along = workgroupSum(sum, local.x);
  for (var i = begin + local.x; i < end; i += WG) { dx[i] = store_t(scale * (f32(dy[i]) - f32(y[i]) * along)); }
}
