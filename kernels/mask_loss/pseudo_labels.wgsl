// Self-training labels: a pixel marked unlabelled takes the novel class with the highest logit (the first of
// equals); every other label stays. One thread per pixel.
const WG: u32 = 64;
struct Dims { images: u32, classes: u32, pixels: u32, novel_count: u32, unlabelled: u32 }
@group(0) @binding(0) var<storage, read> logits: array<f32>;          // (images, classes, pixels)
@group(0) @binding(1) var<storage, read> labels: array<u32>;          // (images, pixels)
@group(0) @binding(2) var<storage, read> novel: array<u32>;           // (novel_count): class indices
@group(0) @binding(3) var<storage, read_write> y: array<u32>;         // (images, pixels)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = (group.y * groups.x + group.x) * WG + local.x;
  if (at >= dims.images * dims.pixels) { return; }
  var label = labels[at];
  if (label == dims.unlabelled) {
    let base = (at / dims.pixels) * dims.classes * dims.pixels + at % dims.pixels;
    var best = logits[base + novel[0] * dims.pixels];
    label = novel[0];
    for (var k = 1u; k < dims.novel_count; k++) {
      let value = logits[base + novel[k] * dims.pixels];
      if (value > best) {
        best = value;
        label = novel[k];
      }
    }
  }
  y[at] = label;
}
