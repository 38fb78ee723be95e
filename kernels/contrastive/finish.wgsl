// loss = half the mean over images plus half the mean over captions of the lines' losses, lines without a positive
// left out. `weights` are those two factors, for backward. slope = d loss / d logit_scale; at the largest scale only
// a slope that leads back down is kept. One workgroup; each thread walks lines in steps of WG.
const WG: u32 = 64;
struct Dims { images: u32, captions: u32, max_scale: f32 }
@group(0) @binding(0) var<storage, read> stats: array<vec4f>;          // (images + captions): peak, log sum, 1 / |P| or 0, loss
@group(0) @binding(1) var<storage, read> slopes: array<f32>;           // (images + captions)
@group(0) @binding(2) var<storage, read> logit_scale: array<f32>;      // (1)
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;       // (1)
@group(0) @binding(4) var<storage, read_write> weights: array<f32>;    // (2): of a row, of a column
@group(0) @binding(5) var<storage, read_write> slope: array<f32>;      // (1)
@group(1) @binding(0) var<uniform> dims: Dims;

// lines with a positive, sum of losses, sum of slopes: of rows, of columns
var<workgroup> cells: array<mat2x3f, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_id) local: vec3u) {
  let images = dims.images;
  let lines = images + dims.captions;
  var rows = vec3f();
  var columns = vec3f();
  for (var line = local.x; line < lines; line += WG) {
    let found = stats[line];
    let term = vec3f(select(0.0, 1.0, found.z > 0.0), found.w, slopes[line]);
    if (line < images) { rows += term; } else { columns += term; }
  }
  cells[local.x] = mat2x3f(rows, columns);
  for (var half = WG / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (local.x < half) { cells[local.x] += cells[local.x + half]; }
  }
  if (local.x == 0) {
    let sums = cells[0];
    let weight = vec2f(0.5 / max(1.0, sums[0].x), 0.5 / max(1.0, sums[1].x));
    let grown = exp(logit_scale[0]);
    let rise = min(grown, dims.max_scale) * (weight.x * sums[0].z + weight.y * sums[1].z);
    loss[0] = weight.x * sums[0].y + weight.y * sums[1].y;
    weights[0] = weight.x;
    weights[1] = weight.y;
    slope[0] = select(rise, max(rise, 0.0), grown > dims.max_scale);
  }
}
