// The best class of every pixel, the first of equals, over the classes from firstClass on; those before it were seen
// by earlier dispatches, which left their best score and label. With `background` set, classes are numbered from 1
// and a pixel whose best score is not above the threshold is 0. One thread per pixel.
const WG: u32 = 64;
struct Dims { images: u32, classes: u32, pixels: u32, firstClass: u32, background: u32, threshold: f32 }
@group(0) @binding(0) var<storage, read> scores: array<f32>;          // (images, classes, pixels)
@group(0) @binding(1) var<storage, read_write> best: array<f32>;      // (images, pixels)
@group(0) @binding(2) var<storage, read_write> label: array<u32>;     // (images, pixels)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = (group.y * groups.x + group.x) * WG + local.x;
  let pixels = dims.pixels;
  let classes = dims.classes;
  if (at >= dims.images * pixels) { return; }
  let base = (at / pixels) * classes * pixels + at % pixels;
  let first = dims.firstClass;
  var highest = scores[base];
  var found = first;
  var better = first == 0;
  if (!better) {
    better = highest > best[at];
    highest = max(highest, best[at]);
  }
  for (var c = 1u; c < classes; c++) {
    let value = scores[base + c * pixels];
    if (value > highest) {
      highest = value;
      found = first + c;
      better = true;
    }
  }
  best[at] = highest;
  if (!better) { return; }
  if (dims.background != 0) { found = select(0, found + 1, highest > dims.threshold); }
  label[at] = found;
}
