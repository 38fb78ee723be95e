// y[b, c] = concat(text[c] * global[b], text[c]): the relationship descriptor. One workgroup per (b, c).
const WG: u32 = 32;
struct Dims { images: u32, classes: u32, width: u32 }
@group(0) @binding(0) var<storage, read> text: array<f32>;        // (classes, width)
@group(0) @binding(1) var<storage, read> global: array<f32>;      // (images, width)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;     // (images, classes, 2 * width)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = group.y * groups.x + group.x;
  let classes = dims.classes;
  let width = dims.width;
  if (row >= dims.images * classes) { return; }
  let b = row / classes;
  let c = row - b * classes;
  for (var d = local.x; d < width; d += WG) {
    let t = text[c * width + d];
    y[row * 2 * width + d] = t * global[b * width + d];
    y[row * 2 * width + width + d] = t;
  }
}
