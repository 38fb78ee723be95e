enable subgroups;
// y = (x - mean) * rstd * gamma + beta, as in forward.wgsl. A workgroup is one subgroup of 8 lanes and takes four
// rows: a lane takes every eighth vec4 of columns of all four, and shuffles add up the lanes. Rows beyond the last
// one repeat it.
const WG: u32 = 8;
alias store_t = f32;
struct Dims { rows: u32, cols: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<store_t>>;   // (rows, cols)
@group(0) @binding(1) var<storage, read> gamma: array<vec4f>;       // (cols)
@group(0) @binding(2) var<storage, read> beta: array<vec4f>;        // (cols)
@group(0) @binding(3) var<storage, read_write> y: array<vec4<store_t>>;  // (rows, cols)
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;   // (rows, 2)
@group(1) @binding(0) var<uniform> dims: Dims;

const ONE = vec4f(1.0);

fn element(i: u32) -> f32 {
  return f32(x[i / 4][i % 4]);
}

fn keepStats(row: u32, rows: u32, lane: u32, mean: f32, rstd: f32) {
  if (lane < 4 && row < rows) {
    stats[2 * row] = mean;
    stats[2 * row + 1] = rstd;
  }
}

// Four rows are a whole number of vec4s even when one is not: each lane finds the statistics of one row, then the
// lanes share out the vec4s of y.
fn unaligned(first: u32, rows: u32, cols: u32, lane: u32) {
  let row = min(first + lane % 4, rows - 1);
  var sum = 0.0;
  for (var c = 0u; c < cols; c++) { sum += element(row * cols + c); }
  let mean = sum / f32(cols);
  var squares = 0.0;
  for (var c = 0u; c < cols; c++) {
    let d = element(row * cols + c) - mean;
    squares += d * d;
  }
  let rstd = inverseSqrt(squares / f32(cols) + dims.eps);
  let means = firstFour(mean);
  let rstds = firstFour(rstd);
  let end = (min(4, rows - first) * cols + 3) / 4;
  for (var q = lane; q < end; q += WG) {
    var value = vec4f();
    for (var k = 0u; k < 4; k++) {
      let r = (4 * q + k) / cols;
      let c = 4 * q + k - r * cols;
      value[k] = (element(first * cols + 4 * q + k) - means[r]) * rstds[r] * gamma[c / 4][c % 4] + beta[c / 4][c % 4];
    }
    y[first / 4 * cols + q] = vec4<store_t>(value);
  }
  keepStats(first + lane, rows, lane, means[lane % 4], rstds[lane % 4]);
}

struct Moments { shift: vec4f, variance: vec4f }

// How far the means of four rows, whose first vec4s are at `base`, are from the pivots, and the variances.
fn momentsAround(pivot: vec4f, base: vec4u, quads: u32, lane: u32) -> Moments {
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var squares = vec4f();
  for (var q = lane; q < quads; q += WG) {
    let d0 = vec4f(x[base.x + q]) - pivot.x;
    let d1 = vec4f(x[base.y + q]) - pivot.y;
    let d2 = vec4f(x[base.z + q]) - pivot.z;
    let d3 = vec4f(x[base.w + q]) - pivot.w;
    s0 += d0;
    s1 += d1;
    s2 += d2;
    s3 += d3;
    squares += vec4f(dot(d0, d0), dot(d1, d1), dot(d2, d2), dot(d3, d3));
  }
  let cols = f32(dims.cols);
  let shift = subgroupSum8(vec4f(dot(s0, ONE), dot(s1, ONE), dot(s2, ONE), dot(s3, ONE))) / cols;
  return Moments(shift, subgroupSum8(squares) / cols - shift * shift);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let rows = dims.rows;
  let cols = dims.cols;
  let first = (group.y * groups.x + group.x) * 4;
  if (first >= rows) { return; }
  if (cols % 4 != 0) {
    unaligned(first, rows, cols, lane);
    return;
  }
  let quads = cols / 4;
  let base = min(vec4u(first, first + 1, first + 2, first + 3), vec4u(rows - 1)) * quads;
  // one pass around each row's first element; where that is so far from the mean that digits are lost, another one
  // around the mean
  let pivot = vec4f(element(4 * base.x), element(4 * base.y), element(4 * base.z), element(4 * base.w));
  let once = momentsAround(pivot, base, quads, lane);
  let far = any(once.shift * once.shift > 16 * once.variance);
  let twice = momentsAround(pivot + once.shift, base, select(0, quads, far), lane);
  let mean = pivot + once.shift + select(vec4f(), twice.shift, far);
  let variance = select(once.variance, twice.variance, far);
  let rstd = inverseSqrt(variance + dims.eps);
  for (var q = lane; q < quads; q += WG) {
    let scale = gamma[q];
    let offset = beta[q];
    y[base.x + q] = vec4<store_t>((vec4f(x[base.x + q]) - mean.x) * rstd.x * scale + offset);
    y[base.y + q] = vec4<store_t>((vec4f(x[base.y + q]) - mean.y) * rstd.y * scale + offset);
    y[base.z + q] = vec4<store_t>((vec4f(x[base.z + q]) - mean.z) * rstd.z * scale + offset);
    y[base.w + q] = vec4<store_t>((vec4f(x[base.w + q]) - mean.w) * rstd.w * scale + offset);
  }
  keepStats(first + lane, rows, lane, mean[lane % 4], rstd[lane % 4]);
}
