// Focal and dice loss of masks that are upsampled on the fly: the sums over pixels that finish.wgsl needs, and, in the
// same pass over the pixels, all that backward needs. The gradient with respect to a pixel's logit is a sum of three
// known fields (d focal, p (1 - p), t p (1 - p)) with factors that are constant over a mask; what each cell of pixels
// passes on to the four mask values at its corners is kept for each field.
// One workgroup per (band, class, image), where a band is a row of cells; its threads take the cells in turn.
const WG: u32 = 64;
struct Dims { images: u32, classes: u32, height: u32, width: u32, out_height: u32, out_width: u32, alpha: f32, gamma: f32 }
@group(0) @binding(0) var<storage, read> masks: array<f32>;             // (images, classes, height, width)
@group(0) @binding(1) var<storage, read> labels: array<u32>;            // (images, out_height, out_width)
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;  // (images, classes, height + 1): focal, p t, p, t
@group(0) @binding(3) var<storage, read_write> corners: array<vec4f>;   // (images, classes, height + 1, width + 1, 3): top left, top right, bottom left, bottom right
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let height = dims.height;
  let width = dims.width;
  let outHeight = dims.out_height;
  let outWidth = dims.out_width;
  let alpha = dims.alpha;
  let gamma = dims.gamma;
  let band = group.x;
  let category = group.y;
  let image = group.z;
  let plane = image * dims.classes + category;
  let job = plane * (height + 1) + band;
  let top = (plane * height + max(band, 1) - 1) * width;
  let bottom = (plane * height + min(band, height - 1)) * width;
  let firstRow = firstOf(band, height, outHeight);
  let lastRow = firstOf(band + 1, height, outHeight);
  var sums = vec4f();
  for (var cell = local.x; cell <= width; cell += WG) {
    let low = max(cell, 1) - 1;
    let high = min(cell, width - 1);
    let left = vec2f(masks[top + low], masks[bottom + low]);
    let right = vec2f(masks[top + high], masks[bottom + high]);
    let firstColumn = firstOf(cell, width, outWidth);
    let lastColumn = firstOf(cell + 1, width, outWidth);
    var focal = vec4f();
    var slope = vec4f();
    var ownSlope = vec4f();
    for (var i = firstRow; i < lastRow; i++) {
      let down = fractionOf(i, band, height, outHeight);
      let line = (image * outHeight + i) * outWidth;
      for (var j = firstColumn; j < lastColumn; j++) {
        let across = fractionOf(j, cell, width, outWidth);
        let ends = mix(left, right, across);
        let positive = labels[line + j] == category;
        let pixel = pixelLoss(mix(ends.x, ends.y, down), positive, alpha, gamma, gamma == 2.0);
        let weights = vec4f((1.0 - down) * vec2f(1.0 - across, across), down * vec2f(1.0 - across, across));
        sums += pixel.sums;
        focal += pixel.focal * weights;
        slope += pixel.slope * weights;
        ownSlope += select(0.0, pixel.slope, positive) * weights;
      }
    }
    let at = 3 * (job * (width + 1) + cell);
    corners[at] = focal;
    corners[at + 1] = slope;
    corners[at + 2] = ownSlope;
  }
  let total = firstThreadSum(sums, local.x);
  if (local.x == 0) { partials[job] = total; }
}
