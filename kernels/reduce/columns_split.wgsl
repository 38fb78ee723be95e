// y = sum over the rows of x. A workgroup has COLUMNS x SLICES threads: each slice sums every SLICES-th row, then the
// first adds up the slices in order.
const COLUMNS: u32 = 16;
const SLICES: u32 = 16;
alias store_t = f32;
struct Dims { rows: u32, cols: u32 }
@group(0) @binding(0) var<storage, read> x: array<store_t>;      // (rows, cols)
@group(0) @binding(1) var<storage, read_write> y: array<f32>;    // (cols)
@group(1) @binding(0) var<uniform> dims: Dims;

var<workgroup> slices: array<f32, SLICES * COLUMNS>;

@compute @workgroup_size(COLUMNS, SLICES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let rows = dims.rows;
  let cols = dims.cols;
  let column = COLUMNS * (group.y * groups.x + group.x) + local.x;
  var sum = 0.0;
  if (column < cols) {
    for (var row = local.y; row < rows; row += SLICES) { sum += f32(x[row * cols + column]); }
  }
  slices[local.y * COLUMNS + local.x] = sum;
  workgroupBarrier();
  if (local.y > 0 || column >= cols) { return; }
  for (var i = 1u; i < SLICES; i++) { sum += slices[i * COLUMNS + local.x]; }
  y[column] = sum;
}
