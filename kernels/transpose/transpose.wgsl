// y[b, c, r] = x[b, r, c]. Each thread turns a 4 x 4 block; sizes that are not multiples of 4 go element by element,
// each thread owning 4 vec4 of y.
const WG: u32 = 32;
struct Dims { batch: u32, rows: u32, cols: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;        // (batch, rows, cols)
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;  // (batch, cols, rows)
@group(1) @binding(0) var<uniform> dims: Dims;

fn element(i: u32, rows: u32, cols: u32) -> f32 {
  let line = i / rows;
  let b = line / cols;
  let source = (b * rows + i - line * rows) * cols + line - b * cols;
  return x[source / 4][source % 4];
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let rows = dims.rows;
  let cols = dims.cols;
  let count = dims.batch * rows * cols;
  let thread = (group.y * groups.x + group.x) * WG + local.x;
  if (((rows | cols) & 3) != 0) {
    for (var at = 4 * thread; at < min(4 * thread + 4, (count + 3) / 4); at++) {
      let i = 4 * at;
      y[at] = vec4f(element(i, rows, cols), element(i + 1, rows, cols), element(i + 2, rows, cols), element(i + 3, rows, cols));
    }
    return;
  }
  if (16 * thread >= count) { return; }
  let across = cols / 4;
  let down = rows / 4;
  let block = thread / across;
  let c = thread - block * across;
  let b = block / down;
  let r = block - b * down;
  let source = (b * rows + 4 * r) * across + c;
  let turned = transpose(mat4x4f(x[source], x[source + across], x[source + 2 * across], x[source + 3 * across]));
  let to = (b * cols + 4 * c) * down + r;
  y[to] = turned[0];
  y[to + down] = turned[1];
  y[to + 2 * down] = turned[2];
  y[to + 3 * down] = turned[3];
}
