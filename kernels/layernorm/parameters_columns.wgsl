// dgamma = baseGamma + sum over rows of dy * xhat, dbeta = baseBeta + sum of dy, as in parameters.wgsl, for adapters on which a
// load costs more than waiting for it: one thread takes two vec4 of columns and walks all rows. The last columns of
// a width that is not a multiple of 8 are taken one by one.
const WG: u32 = 8;
alias store_t = f32;
struct Dims { rows: u32, cols: u32, extended: u32 }
@group(0) @binding(0) var<storage, read> dy: array<vec4<store_t>>;     // (rows, cols)
@group(0) @binding(1) var<storage, read> x: array<vec4<store_t>>;      // (rows, cols)
@group(0) @binding(2) var<storage, read> stats: array<vec2f>;          // (rows): mean, rstd
@group(0) @binding(3) var<storage, read> baseGamma: array<f32>;        // (cols), with extended
@group(0) @binding(4) var<storage, read> baseBeta: array<f32>;         // (cols), with extended
@group(0) @binding(5) var<storage, read_write> dgamma: array<f32>;     // (cols)
@group(0) @binding(6) var<storage, read_write> dbeta: array<f32>;      // (cols)
@group(1) @binding(0) var<uniform> dims: Dims;

fn keep(column: u32, scale: f32, shift: f32) {
  if (dims.extended == 0) {
    dgamma[column] = scale;
    dbeta[column] = shift;
  } else {
    dgamma[column] = baseGamma[column] + scale;
    dbeta[column] = baseBeta[column] + shift;
  }
}

fn singleColumn(column: u32, rows: u32, cols: u32) {
  var scale = 0.0;
  var shift = 0.0;
  for (var r = 0u; r < rows; r++) {
    let i = r * cols + column;
    let g = f32(dy[i / 4][i % 4]);
    shift += g;
    scale += g * (f32(x[i / 4][i % 4]) - stats[r].x) * stats[r].y;
  }
  keep(column, scale, shift);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let rows = dims.rows;
  let cols = dims.cols;
  let first = id.x * 8;
  if (cols % 4 != 0 || first + 8 > cols) {
    for (var c = first; c < min(first + 8, cols); c++) { singleColumn(c, rows, cols); }
    return;
  }
  var scale0 = vec4f();
  var scale1 = vec4f();
  var shift0 = vec4f();
  var shift1 = vec4f();
  for (var r = 0u; r < rows; r++) {
    let at = (r * cols + first) / 4;
    let normal = stats[r];
    let g0 = vec4f(dy[at]);
    let g1 = vec4f(dy[at + 1]);
    shift0 += g0;
    shift1 += g1;
    scale0 += g0 * ((vec4f(x[at]) - normal.x) * normal.y);
    scale1 += g1 * ((vec4f(x[at + 1]) - normal.x) * normal.y);
  }
  for (var k = 0u; k < 4; k++) {
    keep(first + k, scale0[k], shift0[k]);
    keep(first + 4 + k, scale1[k], shift1[k]);
  }
}
