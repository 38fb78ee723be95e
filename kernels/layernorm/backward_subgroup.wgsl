enable subgroups;
// dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), as in backward.wgsl. A workgroup is one subgroup of 8 lanes and
// takes four rows: a lane takes every eighth vec4 of columns of all four, and shuffles add up the lanes. Rows beyond
// the last one repeat it. Widths that are not a multiple of 4: one lane per row.
const WG: u32 = 8;
alias store_t = f32;
struct Dims { rows: u32, cols: u32 }
@group(0) @binding(0) var<storage, read> dy: array<vec4<store_t>>;  // (rows, cols)
@group(0) @binding(1) var<storage, read> x: array<vec4<store_t>>;   // (rows, cols)
@group(0) @binding(2) var<storage, read> gamma: array<vec4f>;       // (cols)
@group(0) @binding(3) var<storage, read> stats: array<f32>;         // (rows, 2): mean, rstd
@group(0) @binding(4) var<storage, read_write> dx: array<store_t>;  // (rows, cols)
@group(1) @binding(0) var<uniform> dims: Dims;

const ONE = vec4f(1.0);

fn store(quad: u32, value: vec4f) {
  let i = 4 * quad;
  dx[i] = store_t(value.x);
  dx[i + 1] = store_t(value.y);
  dx[i + 2] = store_t(value.z);
  dx[i + 3] = store_t(value.w);
}

fn singleRow(row: u32, cols: u32) {
  let base = row * cols;
  let mean = stats[2 * row];
  let rstd = stats[2 * row + 1];
  var sum = 0.0;
  var along = 0.0;
  for (var c = 0u; c < cols; c++) {
    let i = base + c;
    let g = f32(dy[i / 4][i % 4]) * gamma[c / 4][c % 4];
    sum += g;
    along += g * (f32(x[i / 4][i % 4]) - mean) * rstd;
  }
  for (var c = 0u; c < cols; c++) {
    let i = base + c;
    let xhat = (f32(x[i / 4][i % 4]) - mean) * rstd;
    dx[i] = store_t(rstd * (f32(dy[i / 4][i % 4]) * gamma[c / 4][c % 4] - (sum + xhat * along) / f32(cols)));
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let rows = dims.rows;
  let cols = dims.cols;
  let first = (group.y * groups.x + group.x) * 4;
  if (first >= rows) { return; }
  if (cols % 4 != 0) {
    if (lane < 4 && first + lane < rows) { singleRow(first + lane, cols); }
    return;
  }
  let quads = cols / 4;
  let row = min(vec4u(first, first + 1, first + 2, first + 3), vec4u(rows - 1));
  let base = row * quads;
  let mean = vec4f(stats[2 * row.x], stats[2 * row.y], stats[2 * row.z], stats[2 * row.w]);
  let rstd = vec4f(stats[2 * row.x + 1], stats[2 * row.y + 1], stats[2 * row.z + 1], stats[2 * row.w + 1]);
  var sums = vec4f();
  var products = vec4f();
  for (var q = lane; q < quads; q += WG) {
    let scale = gamma[q];
    let g0 = vec4f(dy[base.x + q]) * scale;
    let g1 = vec4f(dy[base.y + q]) * scale;
    let g2 = vec4f(dy[base.z + q]) * scale;
    let g3 = vec4f(dy[base.w + q]) * scale;
    sums += vec4f(dot(g0, ONE), dot(g1, ONE), dot(g2, ONE), dot(g3, ONE));
    products += vec4f(dot(g0, vec4f(x[base.x + q]) - mean.x), dot(g1, vec4f(x[base.y + q]) - mean.y),
      dot(g2, vec4f(x[base.z + q]) - mean.z), dot(g3, vec4f(x[base.w + q]) - mean.w));
  }
  let meanG = subgroupSum8(sums) / f32(cols);
  let meanGX = subgroupSum8(products) * rstd / f32(cols);
  // dx = rstd * (dy * gamma - meanG) - (x - mean) * slope
  let slope = rstd * rstd * meanGX;
  for (var q = lane; q < quads; q += WG) {
    let scale = gamma[q];
    store(base.x + q, rstd.x * (vec4f(dy[base.x + q]) * scale - meanG.x) - (vec4f(x[base.x + q]) - mean.x) * slope.x);
    store(base.y + q, rstd.y * (vec4f(dy[base.y + q]) * scale - meanG.y) - (vec4f(x[base.y + q]) - mean.y) * slope.y);
    store(base.z + q, rstd.z * (vec4f(dy[base.z + q]) * scale - meanG.z) - (vec4f(x[base.z + q]) - mean.z) * slope.z);
    store(base.w + q, rstd.w * (vec4f(dy[base.w + q]) * scale - meanG.w) - (vec4f(x[base.w + q]) - mean.w) * slope.w);
  }
}
