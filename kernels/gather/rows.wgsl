// y row r = source row r * stride + index[r]. stride 0 looks rows up in one table (embedding); otherwise row r has
// `stride` candidates of its own (one token of each sequence). Each thread owns PER_THREAD vec4 of y.
const WG: u32 = 32;
const PER_THREAD: u32 = 16;
struct Dims { rows: u32, cols: u32, stride: u32, sourceRows: u32 }
@group(0) @binding(0) var<storage, read> source: array<vec4f>;         // (sourceRows, cols)
@group(0) @binding(1) var<storage, read> index: array<u32>;            // (rows)
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;        // (rows, cols)
@group(1) @binding(0) var<uniform> dims: Dims;

fn sourceOf(i: u32, cols: u32, stride: u32) -> u32 {
  let r = i / cols;
  return (r * stride + index[r]) * cols + i - r * cols;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let cols = dims.cols;
  let stride = dims.stride;
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD;
  let end = min(first + WG * PER_THREAD, (dims.rows * cols + 3) / 4);
  if (cols % 4 == 0) {
    for (var at = first + local.x; at < end; at += WG) { y[at] = source[sourceOf(4 * at, cols, stride) / 4]; }
    return;
  }
  for (var at = first + local.x; at < end; at += WG) {
    var value = vec4f();
    for (var k = 0u; k < 4; k++) {
      let i = sourceOf(4 * at + k, cols, stride);
      value[k] = source[i / 4][i % 4];
    }
    y[at] = value;
  }
}
