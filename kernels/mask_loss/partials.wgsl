// Sums over pixels that sigmoid focal and dice loss need, for each (image, class): focal, p t, p, t, where
// p = sigmoid(logit) and t = (label == class). A label that is no class (255) is a negative for every class.
// One workgroup per (image, class, chunk of pixels); the chunks are added up by finish.wgsl.
const WG: u32 = 64;
struct Dims { images: u32, classes: u32, pixels: u32, chunks: u32, alpha: f32, gamma: f32 }
@group(0) @binding(0) var<storage, read> logits: array<f32>;          // (images, classes, pixels)
@group(0) @binding(1) var<storage, read> labels: array<u32>;          // (images, pixels)
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>; // (images, classes, chunks)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let job = group.y * groups.x + group.x;
  if (job >= dims.images * dims.classes * dims.chunks) { return; }
  let pixels = dims.pixels;
  let alpha = dims.alpha;
  let gamma = dims.gamma;
  let row = job / dims.chunks;
  let image = row / dims.classes;
  let category = row % dims.classes;
  let length = (pixels + dims.chunks - 1) / dims.chunks;
  let first = (job % dims.chunks) * length;
  let last = min(first + length, pixels);
  var sums = vec4f(0.0);
  for (var i = first + local.x; i < last; i += WG) {
    let positive = labels[image * pixels + i] == category;
    sums += pixelLoss(logits[row * pixels + i], positive, alpha, gamma, gamma == 2.0).sums;
  }
  let total = firstThreadSum(sums, local.x);
  if (local.x == 0) { partials[job] = total; }
}
