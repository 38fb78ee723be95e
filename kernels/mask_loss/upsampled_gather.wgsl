// Gradient of the mask loss with respect to the masks before upsampling: each mask value adds up the corners of the
// four cells around it and weighs the three fields. At the border a cell has the same mask value at two corners.
// One thread per mask value.
const WG: u32 = 64;
struct Dims { images: u32, classes: u32, height: u32, width: u32, pixels: u32, focal_weight: f32, dice_weight: f32, normalise: u32 }
@group(0) @binding(0) var<storage, read> dy: array<f32>;             // (1)
@group(0) @binding(1) var<storage, read> corners: array<vec4f>;      // (images, classes, height + 1, width + 1, 3)
@group(0) @binding(2) var<storage, read> stats: array<vec4f>;        // (images, classes): numerator, denominator, present
@group(0) @binding(3) var<storage, read> loss: array<f32>;           // (4): focal, dice, total, present pairs
@group(0) @binding(4) var<storage, read_write> dmasks: array<f32>;   // (images, classes, height, width)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = (group.y * groups.x + group.x) * WG + local.x;
  let height = dims.height;
  let width = dims.width;
  if (at >= dims.images * dims.classes * height * width) { return; }
  let column = at % width;
  let row = (at / width) % height;
  let plane = at / (width * height);
  var fields = vec3f();
  for (var below = 0u; below < 2; below++) {
    let band = row + below;
    let rows = select(vec2f(), vec2f(1.0), vec2<bool>(below == 1 || band == 0, below == 0 || band == height));
    for (var beside = 0u; beside < 2; beside++) {
      let cell = column + beside;
      let columns = select(vec2f(), vec2f(1.0), vec2<bool>(beside == 1 || cell == 0, beside == 0 || cell == width));
      let weights = vec4f(rows.x * columns, rows.y * columns);
      let here = 3 * ((plane * (height + 1) + band) * (width + 1) + cell);
      fields += vec3f(dot(weights, corners[here]), dot(weights, corners[here + 1]), dot(weights, corners[here + 2]));
    }
  }
  let scale = dy[0] / select(1.0, max(1.0, loss[3]), dims.normalise != 0);
  let dice = stats[plane];
  let focalScale = scale * dims.focal_weight / f32(dims.pixels);
  let diceScale = scale * dims.dice_weight * dice.z / (dice.y * dice.y);
  dmasks[at] = focalScale * fields.x + diceScale * (dice.x * fields.y - 2.0 * dice.y * fields.z);
}
