// y = sum over the rows of x. For software adapters: a lane keeps four vec4 of columns and walks all rows, with no
// partial sums to store; neighbouring lanes take neighbouring columns.
alias store_t = f32;
struct Dims { rows: u32, cols: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<store_t>>;  // (rows, cols)
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;    // (cols), written in whole vec4s
@group(1) @binding(0) var<uniform> dims: Dims;

fn element(i: u32) -> f32 { return f32(x[i / 4][i % 4]); }
fn elements(i: u32) -> vec4f { return vec4f(element(i), element(i + 1), element(i + 2), element(i + 3)); }

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let rows = dims.rows;
  let cols = dims.cols;
  let quads = (cols + 3) / 4;
  let first = 32 * (group.y * groups.x + group.x) + local.x;
  var sums = mat4x4f();
  // rows begin with a whole vec4 if the number of columns is a multiple of 4, else anywhere
  let wholeRows = select(0, rows, cols % 4 == 0);
  for (var row = 0u; row < wholeRows; row++) {
    let at = row * quads + first;
    sums += mat4x4f(vec4f(x[at]), vec4f(x[at + 8]), vec4f(x[at + 16]), vec4f(x[at + 24]));
  }
  for (var row = wholeRows; row < rows; row++) {
    let at = row * cols + 4 * first;
    sums += mat4x4f(elements(at), elements(at + 32), elements(at + 64), elements(at + 96));
  }
  for (var i = 0u; i < 4; i++) {
    if (first + 8 * i < quads) { y[first + 8 * i] = sums[i]; }
  }
}
