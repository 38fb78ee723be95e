// The transpose of gather.rows: table row (r * stride + index[r]) += dy row r. With stride 0 several rows may meet
// in one table row: the first of them walks the chain of the others, in order, and the others do nothing.
// Workgroup = one row r and a range of columns.
const WG: u32 = 32;
struct Dims { rows: u32, cols: u32, stride: u32, sourceRows: u32 }
@group(0) @binding(0) var<storage, read> dy: array<f32>;             // (rows, cols)
@group(0) @binding(1) var<storage, read> index: array<u32>;          // (rows)
@group(0) @binding(2) var<storage, read> links: array<u32>;          // (rows, 2): first?, next; not used with stride > 0
@group(0) @binding(3) var<storage, read_write> table: array<f32>;    // (sourceRows, cols)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let r = group.y * groups.x + group.x;
  let rows = dims.rows;
  let cols = dims.cols;
  let stride = dims.stride;
  if (r >= rows) { return; }
  if (stride == 0 && links[2 * r] == 0) { return; }
  let base = (r * stride + index[r]) * cols;
  for (var c = local.x; c < cols; c += WG) {
    var sum = table[base + c] + dy[r * cols + c];
    if (stride == 0) {
      for (var next = links[2 * r + 1]; next < rows; next = links[2 * next + 1]) { sum += dy[next * cols + c]; }
    }
    table[base + c] = sum;
  }
}
