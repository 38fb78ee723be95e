// Self-training labels from masks that are upsampled on the fly: a pixel marked unlabelled takes the novel class whose
// bilinear resize is highest there (the first of equals); every other label stays. One thread per pixel.
const WG: u32 = 64;
struct Dims { images: u32, classes: u32, height: u32, width: u32, out_height: u32, out_width: u32, novel_count: u32, unlabelled: u32 }
@group(0) @binding(0) var<storage, read> masks: array<f32>;           // (images, classes, height, width)
@group(0) @binding(1) var<storage, read> labels: array<u32>;          // (images, out_height, out_width)
@group(0) @binding(2) var<storage, read> novel: array<u32>;           // (novel_count): class indices
@group(0) @binding(3) var<storage, read_write> y: array<u32>;         // (images, out_height, out_width)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = (group.y * groups.x + group.x) * WG + local.x;
  let pixels = dims.out_height * dims.out_width;
  if (at >= dims.images * pixels) { return; }
  let height = dims.height;
  let width = dims.width;
  let rows = sourceOf((at % pixels) / dims.out_width, height, dims.out_height);
  let columns = sourceOf(at % dims.out_width, width, dims.out_width);
  let first = (at / pixels) * dims.classes * height * width;
  let top = first + rows.low * width;
  let bottom = first + rows.high * width;
  var label = labels[at];
  let count = select(0, dims.novel_count, label == dims.unlabelled);
  var best = 0.0;
  for (var k = 0u; k < count; k++) {
    let candidate = novel[k];
    let plane = candidate * height * width;
    let upper = mix(masks[plane + top + columns.low], masks[plane + top + columns.high], columns.fraction);
    let lower = mix(masks[plane + bottom + columns.low], masks[plane + bottom + columns.high], columns.fraction);
    let value = mix(upper, lower, rows.fraction);
    if (k == 0 || value > best) {
      best = value;
      label = candidate;
    }
  }
  y[at] = label;
}
