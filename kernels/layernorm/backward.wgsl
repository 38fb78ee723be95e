// dx of a layernorm: with xhat = (x - mean) * rstd and g = dy * gamma,
// dx = base + rstd * (g - mean(g) - xhat * mean(g * xhat)); without base (extended 0) the sum begins at 0. One
// workgroup per row.
const WG: u32 = 64;
alias store_t = f32;
struct Dims { rows: u32, cols: u32, extended: u32 }
@group(0) @binding(0) var<storage, read> dy: array<store_t>;          // (rows, cols)
@group(0) @binding(1) var<storage, read> x: array<store_t>;           // (rows, cols)
@group(0) @binding(2) var<storage, read> gamma: array<f32>;           // (cols)
@group(0) @binding(3) var<storage, read> stats: array<f32>;           // (rows, 2): mean, rstd
@group(0) @binding(4) var<storage, read> base: array<store_t>;        // (rows, cols), with extended
@group(0) @binding(5) var<storage, read_write> dx: array<store_t>;    // (rows, cols)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = group.y * groups.x + group.x;
  if (row >= dims.rows) { return; }
  let cols = dims.cols;
  let begin = row * cols;
  let mean = stats[2 * row];
  let rstd = stats[2 * row + 1];
  var sum = 0.0;
  var dot = 0.0;
  for (var c = local.x; c < cols; c += WG) {
    let g = f32(dy[begin + c]) * gamma[c];
    sum += g;
    dot += g * (f32(x[begin + c]) - mean) * rstd;
  }
  let meanG = workgroupSum(sum, local.x) / f32(cols);
  let meanGX = workgroupSum(dot, local.x) / f32(cols);
  for (var c = local.x; c < cols; c += WG) {
    let xhat = (f32(x[begin + c]) - mean) * rstd;
    var value = rstd * (f32(dy[begin + c]) * gamma[c] - meanG - xhat * meanGX);
    if (dims.extended != 0) { value += f32(base[begin + c]); }
    dx[begin + c] = store_t(value);
  }
}
