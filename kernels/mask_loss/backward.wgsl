// Gradient of the mask loss with respect to the logits. With s = sigmoid(x) and l = softplus:
// focal, positive: alpha (-gamma s (1-s)^gamma l(-x) - (1-s)^(gamma+1)); negative: (1-alpha) (gamma (1-s) s^gamma l(x) + s^(gamma+1))
// dice, present pairs: s (1-s) (numerator - 2 t denominator) / denominator^2.
// One thread walks PER_THREAD pixels of one (image, class) row.
const WG: u32 = 64;
const PER_THREAD: u32 = 16;
struct Dims { images: u32, classes: u32, pixels: u32, alpha: f32, gamma: f32, focal_weight: f32, dice_weight: f32, normalise: u32 }
@group(0) @binding(0) var<storage, read> dy: array<f32>;              // (1)
@group(0) @binding(1) var<storage, read> logits: array<f32>;          // (images, classes, pixels)
@group(0) @binding(2) var<storage, read> labels: array<u32>;          // (images, pixels)
@group(0) @binding(3) var<storage, read> stats: array<vec4f>;         // (images, classes): numerator, denominator, present
@group(0) @binding(4) var<storage, read> loss: array<f32>;            // (4): focal, dice, total, present pairs
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>;   // (images, classes, pixels)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = group.y + group.z * 65535;
  if (row >= dims.images * dims.classes) { return; }
  let pixels = dims.pixels;
  let alpha = dims.alpha;
  let gamma = dims.gamma;
  let category = row % dims.classes;
  let image = row / dims.classes;
  let scale = dy[0] / select(1.0, max(1.0, loss[3]), dims.normalise != 0);
  let focalScale = scale * dims.focal_weight / f32(pixels);
  let s4 = stats[row];
  let diceScale = scale * dims.dice_weight * s4.z / (s4.y * s4.y);
  let first = group.x * WG * PER_THREAD + local.x;
  for (var k = 0u; k < PER_THREAD; k++) {
    let i = first + k * WG;
    if (i >= pixels) { return; }
    let positive = labels[image * pixels + i] == category;
    let pixel = pixelLoss(logits[row * pixels + i], positive, alpha, gamma, gamma == 2.0);
    let dice = pixel.slope * (s4.x - select(0.0, 2.0 * s4.y, positive));
    dlogits[row * pixels + i] = focalScale * pixel.focal + diceScale * dice;
  }
}
