// Divides each pixel of the canvas by the number of sliding windows that cover it. One thread per value.
const WG: u32 = 64;
struct Dims { classes: u32, height: u32, width: u32, windows: u32 }
@group(0) @binding(0) var<storage, read> bounds: array<vec4u>;        // (windows): top, bottom, left, right
@group(0) @binding(1) var<storage, read_write> canvas: array<f32>;    // (classes, height, width)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = (group.y * groups.x + group.x) * WG + local.x;
  let size = dims.height * dims.width;
  if (at >= dims.classes * size) { return; }
  let row = (at % size) / dims.width;
  let col = at % dims.width;
  var count = 0.0;
  for (var i = 0u; i < dims.windows; i++) {
    let b = bounds[i];
    if (row >= b.x && row < b.y && col >= b.z && col < b.w) { count += 1.0; }
  }
  canvas[at] = canvas[at] / count;
}
