enable subgroups;
// dx = base + rstd * (g - mean(g) - xhat * mean(g * xhat)), as in backward.wgsl. A workgroup is one subgroup of 8 lanes and
// takes four rows: a lane takes every eighth vec4 of columns of all four, and shuffles add up the lanes. Rows beyond
// the last one repeat it.
const WG: u32 = 8;
alias store_t = f32;
struct Dims { rows: u32, cols: u32, extended: u32 }
@group(0) @binding(0) var<storage, read> dy: array<vec4<store_t>>;  // (rows, cols)
@group(0) @binding(1) var<storage, read> x: array<vec4<store_t>>;   // (rows, cols)
@group(0) @binding(2) var<storage, read> gamma: array<vec4f>;       // (cols)
@group(0) @binding(3) var<storage, read> stats: array<f32>;         // (rows, 2): mean, rstd
@group(0) @binding(4) var<storage, read> base: array<vec4<store_t>>;      // (rows, cols), with extended
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<store_t>>;  // (rows, cols)
@group(1) @binding(0) var<uniform> dims: Dims;

const ONE = vec4f(1.0);

// Four rows are a whole number of vec4s even when one is not: each lane finds the sums of one row, then the lanes
// share out the vec4s of dx.
fn unaligned(first: u32, rows: u32, cols: u32, lane: u32) {
  let row = min(first + lane % 4, rows - 1);
  let mean = stats[2 * row];
  let rstd = stats[2 * row + 1];
  var sum = 0.0;
  var along = 0.0;
  for (var c = 0u; c < cols; c++) {
    let i = row * cols + c;
    let g = f32(dy[i / 4][i % 4]) * gamma[c / 4][c % 4];
    sum += g;
    along += g * (f32(x[i / 4][i % 4]) - mean);
  }
  let means = firstFour(mean);
  let rstds = firstFour(rstd);
  let meanGs = firstFour(sum / f32(cols));
  let slopes = firstFour(rstd * rstd * rstd * along / f32(cols));
  let end = (min(4, rows - first) * cols + 3) / 4;
  for (var q = lane; q < end; q += WG) {
    var value = vec4f();
    for (var k = 0u; k < 4; k++) {
      let r = (4 * q + k) / cols;
      let c = 4 * q + k - r * cols;
      let i = first * cols + 4 * q + k;
      let g = f32(dy[i / 4][i % 4]) * gamma[c / 4][c % 4];
      value[k] = rstds[r] * (g - meanGs[r]) - (f32(x[i / 4][i % 4]) - means[r]) * slopes[r];
    }
    let at = first / 4 * cols + q;
    if (dims.extended != 0) { value += vec4f(base[at]); }
    dx[at] = vec4<store_t>(value);
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let rows = dims.rows;
  let cols = dims.cols;
  let extended = dims.extended != 0;
  let first = (group.y * groups.x + group.x) * 4;
  if (first >= rows) { return; }
  if (cols % 4 != 0) {
    unaligned(first, rows, cols, lane);
    return;
  }
  let quads = cols / 4;
  let row = min(vec4u(first, first + 1, first + 2, first + 3), vec4u(rows - 1));
  let begin = row * quads;
  let mean = vec4f(stats[2 * row.x], stats[2 * row.y], stats[2 * row.z], stats[2 * row.w]);
  let rstd = vec4f(stats[2 * row.x + 1], stats[2 * row.y + 1], stats[2 * row.z + 1], stats[2 * row.w + 1]);
  var sums = vec4f();
  var products = vec4f();
  for (var q = lane; q < quads; q += WG) {
    let scale = gamma[q];
    let g0 = vec4f(dy[begin.x + q]) * scale;
    let g1 = vec4f(dy[begin.y + q]) * scale;
    let g2 = vec4f(dy[begin.z + q]) * scale;
    let g3 = vec4f(dy[begin.w + q]) * scale;
    sums += vec4f(dot(g0, ONE), dot(g1, ONE), dot(g2, ONE), dot(g3, ONE));
    products += vec4f(dot(g0, vec4f(x[begin.x + q]) - mean.x), dot(g1, vec4f(x[begin.y + q]) - mean.y),
      dot(g2, vec4f(x[begin.z + q]) - mean.z), dot(g3, vec4f(x[begin.w + q]) - mean.w));
  }
  let meanG = subgroupSum8(sums) / f32(cols);
  let meanGX = subgroupSum8(products) * rstd / f32(cols);
  // dx = rstd * (dy * gamma - meanG) - (x - mean) * slope; the difference first, since x may be far from 0
  let slope = rstd * rstd * meanGX;
  let offset = rstd * meanG;
  if (extended) {
    for (var q = lane; q < quads; q += WG) {
      let scale = gamma[q];
      let at = begin + q;
      dx[at.x] = vec4<store_t>(vec4f(base[at.x]) + rstd.x * scale * vec4f(dy[at.x]) - slope.x * (vec4f(x[at.x]) - mean.x) - offset.x);
      dx[at.y] = vec4<store_t>(vec4f(base[at.y]) + rstd.y * scale * vec4f(dy[at.y]) - slope.y * (vec4f(x[at.y]) - mean.y) - offset.y);
      dx[at.z] = vec4<store_t>(vec4f(base[at.z]) + rstd.z * scale * vec4f(dy[at.z]) - slope.z * (vec4f(x[at.z]) - mean.z) - offset.z);
      dx[at.w] = vec4<store_t>(vec4f(base[at.w]) + rstd.w * scale * vec4f(dy[at.w]) - slope.w * (vec4f(x[at.w]) - mean.w) - offset.w);
    }
    return;
  }
  for (var q = lane; q < quads; q += WG) {
    let scale = gamma[q];
    let at = begin + q;
    dx[at.x] = vec4<store_t>(rstd.x * scale * vec4f(dy[at.x]) - slope.x * (vec4f(x[at.x]) - mean.x) - offset.x);
    dx[at.y] = vec4<store_t>(rstd.y * scale * vec4f(dy[at.y]) - slope.y * (vec4f(x[at.y]) - mean.y) - offset.y);
    dx[at.z] = vec4<store_t>(rstd.z * scale * vec4f(dy[at.z]) - slope.z * (vec4f(x[at.z]) - mean.z) - offset.z);
    dx[at.w] = vec4<store_t>(rstd.w * scale * vec4f(dy[at.w]) - slope.w * (vec4f(x[at.w]) - mean.w) - offset.w);
  }
}
