// dx = factor * dy z for each item of the batch, with dy read as (rows, inner) through its strides: as it stands it
// gives dq from k, transposed dk from q. One workgroup of 8 x 8 threads per 32 rows x 32 columns; a thread owns 4 x 4.
const STRIDE: u32 = 33;
alias store_t = f32;
struct Dims { batch: u32, rows: u32, inner: u32, width: u32, rowStride: u32, innerStride: u32, factor: f32 }
@group(0) @binding(0) var<storage, read> dy: array<store_t>;         // (batch, rows, inner) or (batch, inner, rows)
@group(0) @binding(1) var<storage, read> z: array<store_t>;          // (batch, inner, width)
@group(0) @binding(2) var<storage, read_write> dx: array<store_t>;   // (batch, rows, width)
@group(1) @binding(0) var<uniform> dims: Dims;

var<workgroup> left: array<f32, 32 * STRIDE>;
var<workgroup> right: array<f32, 32 * STRIDE>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let rows = dims.rows;
  let inner = dims.inner;
  let width = dims.width;
  let firstRow = 32 * group.y;
  let firstColumn = 32 * group.x;
  let row = 4 * (thread / 8);
  let column = 4 * (thread % 8);
  var sums = mat4x4f();
  for (var first = 0u; first < inner; first += 32) {
    workgroupBarrier();
    for (var i = thread; i < 1024; i += 64) {
      let a = i / 32;
      let b = i % 32;
      let at = a * STRIDE + b;
      left[at] = 0;
      right[at] = 0;
      if (firstRow + a < rows && first + b < inner) {
        left[at] = f32(dy[group.z * rows * inner + (firstRow + a) * dims.rowStride + (first + b) * dims.innerStride]);
      }
      if (first + a < inner && firstColumn + b < width) {
        right[at] = f32(z[(group.z * inner + first + a) * width + firstColumn + b]);
      }
    }
    workgroupBarrier();
    for (var i = 0u; i < 32; i++) {
      let at = i * STRIDE + column;
      let b = vec4f(right[at], right[at + 1], right[at + 2], right[at + 3]);
      for (var r = 0u; r < 4; r++) { sums[r] += left[(row + r) * STRIDE + i] * b; }
    }
  }
  for (var r = 0u; r < 4; r++) {
    for (var c = 0u; c < 4; c++) {
      let to = firstColumn + column + c;
      if (firstRow + row + r < rows && to < width) {
        dx[(group.z * rows + firstRow + row + r) * width + to] = store_t(dims.factor * sums[r][c]);
      }
    }
  }
}
