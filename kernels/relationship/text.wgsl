// dtext[c] = sum over b of dy[b, c, first half] * global[b] + dy[b, c, second half]. One thread per element, walking
// the images in order.
const WG: u32 = 32;
struct Dims { images: u32, classes: u32, width: u32 }
@group(0) @binding(0) var<storage, read> dy: array<f32>;            // (images, classes, 2 * width)
@group(0) @binding(1) var<storage, read> global: array<f32>;        // (images, width)
@group(0) @binding(2) var<storage, read_write> dtext: array<f32>;   // (classes, width)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let i = (group.y * groups.x + group.x) * WG + local.x;
  let images = dims.images;
  let classes = dims.classes;
  let width = dims.width;
  if (i >= classes * width) { return; }
  let c = i / width;
  let d = i - c * width;
  var sum = 0.0;
  for (var b = 0u; b < images; b++) {
    let row = (b * classes + c) * 2 * width;
    sum += dy[row + d] * global[b * width + d] + dy[row + width + d];
  }
  dtext[i] = sum;
}
