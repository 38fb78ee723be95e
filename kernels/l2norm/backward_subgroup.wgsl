enable subgroups;
// dx = (dy - y * <dy, y>) / ||x||, as in backward.wgsl. A workgroup is one subgroup of 8 lanes and takes four rows:
// a lane takes every eighth column of all four, and shuffles add up the lanes. Rows beyond the last one repeat it.
const WG: u32 = 8;
alias store_t = f32;
struct Dims { rows: u32, cols: u32 }
@group(0) @binding(0) var<storage, read> dy: array<store_t>;         // (rows, cols)
@group(0) @binding(1) var<storage, read> y: array<store_t>;          // (rows, cols)
@group(0) @binding(2) var<storage, read> inverse: array<f32>;        // (rows)
@group(0) @binding(3) var<storage, read_write> dx: array<store_t>;   // (rows, cols)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let rows = dims.rows;
  let cols = dims.cols;
  let first = (group.y * groups.x + group.x) * 4;
  if (first >= rows) { return; }
  let row = min(vec4u(first, first + 1, first + 2, first + 3), vec4u(rows - 1));
  let base = row * cols;
  var sum = vec4f();
  for (var c = lane; c < cols; c += WG) {
    let i = base + c;
    sum += vec4f(f32(dy[i.x]), f32(dy[i.y]), f32(dy[i.z]), f32(dy[i.w]))
      * vec4f(f32(y[i.x]), f32(y[i.y]), f32(y[i.z]), f32(y[i.w]));
  }
  let along = subgroupSum8(sum);
  let scale = vec4f(inverse[row.x], inverse[row.y], inverse[row.z], inverse[row.w]);
  for (var c = lane; c < cols; c += WG) {
    let i = base + c;
    dx[i.x] = store_t(scale.x * (f32(dy[i.x]) - f32(y[i.x]) * along.x));
    dx[i.y] = store_t(scale.y * (f32(dy[i.y]) - f32(y[i.y]) * along.y));
    dx[i.z] = store_t(scale.z * (f32(dy[i.z]) - f32(y[i.z]) * along.z));
    dx[i.w] = store_t(scale.w * (f32(dy[i.w]) - f32(y[i.w]) * along.w));
  }
}
