// From the partial sums to the loss. For each (image, class): the dice constants that backward needs. Over all:
// focal and dice, each weighted and divided by n = max(1, present pairs), or by 1 when `normalise` is 0: gradient
// accumulation divides by the n of all micro-batches at the end.
// One workgroup; each thread walks rows in steps of WG.
const WG: u32 = 64;
struct Dims { rows: u32, pixels: u32, chunks: u32, focal_weight: f32, dice_weight: f32, normalise: u32 }
@group(0) @binding(0) var<storage, read> partials: array<vec4f>;      // (rows, chunks): focal, p t, p, t
@group(0) @binding(1) var<storage, read_write> stats: array<vec4f>;   // (rows): 2 sum(p t) + 1, sum p + sum t + 1, present, 0
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;      // (4): focal, dice, total, present pairs
@group(0) @binding(3) var<storage, read_write> total: array<f32>;     // (1)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_id) local: vec3u) {
  let rows = dims.rows;
  let chunks = dims.chunks;
  let pixels = f32(dims.pixels);
  var totals = vec4f(0.0);
  for (var row = local.x; row < rows; row += WG) {
    var sums = vec4f(0.0);
    for (var chunk = 0u; chunk < chunks; chunk++) { sums += partials[row * chunks + chunk]; }
    let numerator = 2.0 * sums.y + 1.0;
    let denominator = sums.z + sums.w + 1.0;
    let present = select(0.0, 1.0, sums.w > 0.0);
    stats[row] = vec4f(numerator, denominator, present, 0.0);
    totals += vec4f(sums.x / pixels, present * (1.0 - numerator / denominator), present, 0.0);
  }
  let sum = firstThreadSum(totals, local.x);
  if (local.x == 0) {
    let divisor = select(1.0, max(1.0, sum.z), dims.normalise != 0);
    let focal = dims.focal_weight * sum.x / divisor;
    let dice = dims.dice_weight * sum.y / divisor;
    loss[0] = focal;
    loss[1] = dice;
    loss[2] = focal + dice;
    loss[3] = sum.z;
    total[0] = focal + dice;
  }
}
