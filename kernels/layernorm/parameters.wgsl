// dgamma = baseGamma + sum over rows of dy * xhat, dbeta = baseBeta + sum over rows of dy; without bases (extended 0)
// the sums begin at 0. A workgroup has COLUMNS x SLICES threads: each slice sums every SLICES-th row, then the first
// adds up the slices in order, so the order of the sum never changes.
const COLUMNS: u32 = 16;
const SLICES: u32 = 16;
alias store_t = f32;
struct Dims { rows: u32, cols: u32, extended: u32 }
@group(0) @binding(0) var<storage, read> dy: array<store_t>;           // (rows, cols)
@group(0) @binding(1) var<storage, read> x: array<store_t>;            // (rows, cols)
@group(0) @binding(2) var<storage, read> stats: array<vec2f>;          // (rows): mean, rstd
@group(0) @binding(3) var<storage, read> baseGamma: array<f32>;        // (cols), with extended
@group(0) @binding(4) var<storage, read> baseBeta: array<f32>;         // (cols), with extended
@group(0) @binding(5) var<storage, read_write> dgamma: array<f32>;     // (cols)
@group(0) @binding(6) var<storage, read_write> dbeta: array<f32>;      // (cols)
@group(1) @binding(0) var<uniform> dims: Dims;

var<workgroup> slices: array<vec2f, SLICES * COLUMNS>;  // scale, shift

@compute @workgroup_size(COLUMNS, SLICES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let rows = dims.rows;
  let cols = dims.cols;
  let column = COLUMNS * group.x + local.x;
  var sum = vec2f();
  if (column < cols) {
    for (var row = local.y; row < rows; row += SLICES) {
      let g = f32(dy[row * cols + column]);
      let normal = stats[row];
      sum += g * vec2f((f32(x[row * cols + column]) - normal.x) * normal.y, 1);
    }
  }
  slices[local.y * COLUMNS + local.x] = sum;
  workgroupBarrier();
  if (local.y > 0 || column >= cols) { return; }
  for (var i = 1u; i < SLICES; i++) { sum += slices[i * COLUMNS + local.x]; }
  if (dims.extended != 0) { sum += vec2f(baseGamma[column], baseBeta[column]); }
  dgamma[column] = sum.x;
  dbeta[column] = sum.y;
}
