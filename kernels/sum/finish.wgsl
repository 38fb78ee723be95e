// y = column sums of a tall, narrow table of partial sums. One workgroup per column.
const WG: u32 = 64;
struct Dims { rows: u32, cols: u32 }
@group(0) @binding(0) var<storage, read> partials: array<f32>;    // (rows, cols)
@group(0) @binding(1) var<storage, read_write> y: array<f32>;     // (cols)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let rows = dims.rows;
  let cols = dims.cols;
  var sum = 0.0;
  for (var r = local.x; r < rows; r += WG) { sum += partials[r * cols + group.x]; }
  let total = workgroupSum(sum, local.x);
  if (local.x == 0) { y[group.x] = total; }
}
