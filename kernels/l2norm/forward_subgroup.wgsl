enable subgroups;
// y = x / ||x||, as in forward.wgsl. A workgroup is one subgroup of 8 lanes and takes four rows: a lane takes every
// eighth column of all four, and shuffles add up the lanes. Rows beyond the last one repeat it.
const WG: u32 = 8;
alias store_t = f32;
struct Dims { rows: u32, cols: u32 }
@group(0) @binding(0) var<storage, read> x: array<store_t>;             // (rows, cols)
@group(0) @binding(1) var<storage, read_write> y: array<store_t>;       // (rows, cols)
@group(0) @binding(2) var<storage, read_write> inverse: array<f32>;     // (rows)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let rows = dims.rows;
  let cols = dims.cols;
  let first = (group.y * groups.x + group.x) * 4;
  if (first >= rows) { return; }
  let base = min(vec4u(first, first + 1, first + 2, first + 3), vec4u(rows - 1)) * cols;
  var squares = vec4f();
  for (var c = lane; c < cols; c += WG) {
    let i = base + c;
    let v = vec4f(f32(x[i.x]), f32(x[i.y]), f32(x[i.z]), f32(x[i.w]));
    squares += v * v;
  }
  let scale = inverseSqrt(subgroupSum8(squares));
  for (var c = lane; c < cols; c += WG) {
    let i = base + c;
    y[i.x] = store_t(f32(x[i.x]) * scale.x);
    y[i.y] = store_t(f32(x[i.y]) * scale.y);
    y[i.z] = store_t(f32(x[i.z]) * scale.z);
    y[i.w] = store_t(f32(x[i.w]) * scale.w);
  }
  if (lane < 4 && first + lane < rows) { inverse[first + lane] = scale[lane]; }
}
