// dglobal[b] = sum over c of dy[b, c, first half] * text[c]. One thread per element, walking the classes in order.
const WG: u32 = 32;
struct Dims { images: u32, classes: u32, width: u32 }
@group(0) @binding(0) var<storage, read> dy: array<f32>;              // (images, classes, 2 * width)
@group(0) @binding(1) var<storage, read> text: array<f32>;            // (classes, width)
@group(0) @binding(2) var<storage, read_write> dglobal: array<f32>;   // (images, width)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let i = (group.y * groups.x + group.x) * WG + local.x;
  let classes = dims.classes;
  let width = dims.width;
  if (i >= dims.images * width) { return; }
  let b = i / width;
  let d = i - b * width;
  var sum = 0.0;
  for (var c = 0u; c < classes; c++) { sum += dy[(b * classes + c) * 2 * width + d] * text[c * width + d]; }
  dglobal[i] = sum;
}
