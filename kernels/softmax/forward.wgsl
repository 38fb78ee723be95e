// y = exp(x - max) / sum exp(x - max) over each row. One workgroup per row.
const WG: u32 = 32;
alias store_t = f32;
struct Dims { rows: u32, cols: u32 }
@group(0) @binding(0) var<storage, read> x: array<store_t>;          // (rows, cols)
@group(0) @binding(1) var<storage, read_write> y: array<store_t>;    // (rows, cols)
@group(1) @binding(0) var<uniform> dims: Dims;

var<workgroup> peaks: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = group.y * groups.x + group.x;
  if (row >= dims.rows) { return; }
  let begin = row * dims.cols;
  let end = begin + dims.cols;
  var peak = f32(x[begin]);
  for (var i = begin + local.x; i < end; i += WG) { peak = max(peak, f32(x[i])); }
  peaks[local.x] = peak;
  workgroupBarrier();
  for (var t = 0u; t < WG; t++) { peak = max(peak, peaks[t]); }
  var sum = 0.0;
  for (var i = begin + local.x; i < end; i += WG) { sum += exp(f32(x[i]) - peak); }
  let scale = 1.0 / workgroupSum(sum, local.x);
  for (var i = begin + local.x; i < end; i += WG) { y[i] = store_t(exp(f32(x[i]) - peak) * scale); }
}
