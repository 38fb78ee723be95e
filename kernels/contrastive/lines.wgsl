// One line of a contrastive loss: an image against all captions (a row), or a caption against all images (a column).
// With z = scale * similarity, scale = min(exp(logit_scale), max_scale) and P the positives of the line:
//   loss  = log(sum exp z) - mean of z over P
//   slope = d loss / d scale = (mean of similarity by softmax) - (mean of similarity over P)
// Both are 0 where P is empty. All sums are of similarity - peak. Lines 0 .. images - 1 are rows, the columns follow.
// One thread per line, so the order of the sums never changes.
const WG: u32 = 8;
struct Dims { images: u32, captions: u32, concepts: u32, max_scale: f32 }
@group(0) @binding(0) var<storage, read> similarity: array<f32>;         // (images, captions)
@group(0) @binding(1) var<storage, read> logit_scale: array<f32>;        // (1)
@group(0) @binding(2) var<storage, read> image_concepts: array<u32>;     // (images, concepts)
@group(0) @binding(3) var<storage, read> caption_concepts: array<u32>;   // (captions)
@group(0) @binding(4) var<storage, read_write> stats: array<vec4f>;      // (images + captions): peak, log sum exp(z - z peak), 1 / |P| or 0, loss
@group(0) @binding(5) var<storage, read_write> slopes: array<f32>;       // (images + captions)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let images = dims.images;
  let captions = dims.captions;
  let line = id.x;
  if (line >= images + captions) { return; }
  let isRow = line < images;
  let column = line - images;
  let begin = select(column, line * captions, isRow);
  let stride = select(captions, 1u, isRow);
  let length = select(images, captions, isRow);
  let scale = min(exp(logit_scale[0]), dims.max_scale);

  var peak = similarity[begin];
  for (var t = 1u; t < length; t++) { peak = max(peak, similarity[begin + t * stride]); }
  var sum = 0.0;
  var expected = 0.0;
  var count = 0.0;
  var wanted = 0.0;
  for (var t = 0u; t < length; t++) {
    let s = similarity[begin + t * stride] - peak;
    let power = exp(scale * s);
    sum += power;
    expected += power * s;
    if (positive(select(t, line, isRow), select(column, t, isRow))) {
      count += 1.0;
      wanted += s;
    }
  }
  let some = count > 0.0;
  let inverse = select(0.0, 1.0 / max(1.0, count), some);
  let mean = wanted * inverse;
  let logSum = log(sum);
  stats[line] = vec4f(peak, logSum, inverse, select(0.0, logSum - scale * mean, some));
  slopes[line] = select(0.0, expected / sum - mean, some);
}
