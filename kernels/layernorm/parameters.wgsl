// dgamma = baseGamma + sum over rows of dy * xhat, dbeta = baseBeta + sum over rows of dy; without bases (extended 0)
// the sums begin at 0. One thread per column, walking all rows, so the order of the sum never changes.
const WG: u32 = 32;
alias store_t = f32;
struct Dims { rows: u32, cols: u32, extended: u32 }
@group(0) @binding(0) var<storage, read> dy: array<store_t>;           // (rows, cols)
@group(0) @binding(1) var<storage, read> x: array<store_t>;            // (rows, cols)
@group(0) @binding(2) var<storage, read> stats: array<f32>;            // (rows, 2): mean, rstd
@group(0) @binding(3) var<storage, read> baseGamma: array<f32>;        // (cols), with extended
@group(0) @binding(4) var<storage, read> baseBeta: array<f32>;         // (cols), with extended
@group(0) @binding(5) var<storage, read_write> dgamma: array<f32>;     // (cols)
@group(0) @binding(6) var<storage, read_write> dbeta: array<f32>;      // (cols)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x;
  let cols = dims.cols;
  let rows = dims.rows;
  if (column >= cols) { return; }
  var scale = 0.0;
  var shift = 0.0;
  for (var r = 0u; r < rows; r++) {
    let g = f32(dy[r * cols + column]);
    shift += g;
    scale += g * (f32(x[r * cols + column]) - stats[2 * r]) * stats[2 * r + 1];
  }
  if (dims.extended != 0) {
    scale += baseGamma[column];
    shift += baseBeta[column];
  }
  dgamma[column] = scale;
  dbeta[column] = shift;
}
