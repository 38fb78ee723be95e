// d loss / d similarity = dy * scale * sum over the element's row and its column of
// weight * (softmax - [positive] / |P|); nothing from lines without a positive. One thread per element.
const WG: u32 = 64;
struct Dims { images: u32, captions: u32, concepts: u32, max_scale: f32 }
@group(0) @binding(0) var<storage, read> dy: array<f32>;                   // (1)
@group(0) @binding(1) var<storage, read> similarity: array<f32>;           // (images, captions)
@group(0) @binding(2) var<storage, read> logit_scale: array<f32>;          // (1)
@group(0) @binding(3) var<storage, read> image_concepts: array<u32>;       // (images, concepts)
@group(0) @binding(4) var<storage, read> caption_concepts: array<u32>;     // (captions)
@group(0) @binding(5) var<storage, read> stats: array<vec4f>;              // (images + captions): peak, log sum, 1 / |P| or 0, loss
@group(0) @binding(6) var<storage, read> weights: array<f32>;              // (2): of a row, of a column
@group(0) @binding(7) var<storage, read_write> dsimilarity: array<f32>;    // (images, captions)
@group(1) @binding(0) var<uniform> dims: Dims;

fn lineGradient(s: f32, scale: f32, line: vec4f, isPositive: bool) -> f32 {
  let difference = exp(scale * (s - line.x) - line.y) - select(0.0, line.z, isPositive);
  return select(0.0, difference, line.z > 0.0);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let images = dims.images;
  let captions = dims.captions;
  let at = (group.y * groups.x + group.x) * WG + local.x;
  if (at >= images * captions) { return; }
  let image = at / captions;
  let caption = at % captions;
  let scale = min(exp(logit_scale[0]), dims.max_scale);
  let s = similarity[at];
  let isPositive = positive(image, caption);
  let row = weights[0] * lineGradient(s, scale, stats[image], isPositive);
  let column = weights[1] * lineGradient(s, scale, stats[images + caption], isPositive);
  dsimilarity[at] = dy[0] * scale * (row + column);
}
