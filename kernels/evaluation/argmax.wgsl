// The best class of every pixel, the first of equals. With `background` set, classes are numbered from 1 and a
// pixel whose best score is not above the threshold is 0. One thread per pixel.
const WG: u32 = 64;
struct Dims { images: u32, classes: u32, pixels: u32, background: u32, threshold: f32 }
@group(0) @binding(0) var<storage, read> scores: array<f32>;          // (images, classes, pixels)
@group(0) @binding(1) var<storage, read_write> y: array<u32>;         // (images, pixels)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = (group.y * groups.x + group.x) * WG + local.x;
  let pixels = dims.pixels;
  let classes = dims.classes;
  if (at >= dims.images * pixels) { return; }
  let base = (at / pixels) * classes * pixels + at % pixels;
  var best = scores[base];
  var label = 0u;
  for (var c = 1u; c < classes; c++) {
    let value = scores[base + c * pixels];
    if (value > best) {
      best = value;
      label = c;
    }
  }
  if (dims.background != 0) { label = select(0, label + 1, best > dims.threshold); }
  y[at] = label;
}
