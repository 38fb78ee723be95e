// y = factor * q k^T for each item of the batch: the mean over heads of the heads' scaled dot products is the dot
// product of whole rows. One workgroup of 8 x 8 threads per 32 queries x 32 keys; a thread owns 4 x 4.
const STRIDE: u32 = 33;
alias store_t = f32;
struct Dims { batch: u32, queries: u32, keys: u32, width: u32, factor: f32 }
@group(0) @binding(0) var<storage, read> q: array<store_t>;          // (batch, queries, width)
@group(0) @binding(1) var<storage, read> k: array<store_t>;          // (batch, keys, width)
@group(0) @binding(2) var<storage, read_write> y: array<store_t>;    // (batch, queries, keys)
@group(1) @binding(0) var<uniform> dims: Dims;

var<workgroup> left: array<f32, 32 * STRIDE>;
var<workgroup> right: array<f32, 32 * STRIDE>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let queries = dims.queries;
  let keys = dims.keys;
  let width = dims.width;
  let firstQuery = 32 * group.y;
  let firstKey = 32 * group.x;
  let row = 4 * (thread / 8);
  let column = 4 * (thread % 8);
  var sums = mat4x4f();
  for (var d = 0u; d < width; d += 32) {
    workgroupBarrier();
    for (var i = thread; i < 1024; i += 64) {
      let r = i / 32;
      let c = d + i % 32;
      let at = r * STRIDE + i % 32;
      left[at] = 0;
      right[at] = 0;
      if (c < width && firstQuery + r < queries) { left[at] = f32(q[(group.z * queries + firstQuery + r) * width + c]); }
      if (c < width && firstKey + r < keys) { right[at] = f32(k[(group.z * keys + firstKey + r) * width + c]); }
    }
    workgroupBarrier();
    for (var i = 0u; i < 32; i++) {
      let at = column * STRIDE + i;
      let b = vec4f(right[at], right[at + STRIDE], right[at + 2 * STRIDE], right[at + 3 * STRIDE]);
      for (var r = 0u; r < 4; r++) { sums[r] += left[(row + r) * STRIDE + i] * b; }
    }
  }
  for (var r = 0u; r < 4; r++) {
    for (var c = 0u; c < 4; c++) {
      let query = firstQuery + row + r;
      let key = firstKey + column + c;
      if (query < queries && key < keys) { y[(group.z * queries + query) * keys + key] = store_t(dims.factor * sums[r][c]); }
    }
  }
}
