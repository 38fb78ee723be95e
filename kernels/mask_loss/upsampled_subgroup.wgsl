enable subgroups;
// The sums of upsampled_plain.wgsl where a cell has a multiple of 8 rows and of 8 columns of pixels. A workgroup is
// one subgroup of 8 lanes and walks the cells of one band from left to right. A lane takes every eighth row of pixels,
// four columns at a time, so the bilinear weights of its pixels do not depend on the cell.
const WG: u32 = 8;
struct Dims { images: u32, classes: u32, height: u32, width: u32, out_height: u32, out_width: u32, alpha: f32, gamma: f32 }
@group(0) @binding(0) var<storage, read> masks: array<f32>;             // (images, classes, height, width)
@group(0) @binding(1) var<storage, read> labels: array<vec4u>;          // (images, out_height, out_width)
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;  // (images, classes, height + 1): focal, p t, p, t
@group(0) @binding(3) var<storage, read_write> corners: array<vec4f>;   // (images, classes, height + 1, width + 1, 3)
@group(1) @binding(0) var<uniform> dims: Dims;

fn walk(group: vec3u, lane: u32, square: bool) {
  let height = dims.height;
  let width = dims.width;
  let outHeight = dims.out_height;
  let outQuads = dims.out_width / 4;
  let alpha = dims.alpha;
  let gamma = dims.gamma;
  let band = group.x;
  let category = group.y;
  let image = group.z;
  let plane = image * dims.classes + category;
  let job = plane * (height + 1) + band;
  let rows = outHeight / height;
  let quads = outQuads / width;
  let rowStep = 1.0 / f32(rows);
  let columnStep = 1.0 / f32(4 * quads);
  let top = (plane * height + max(band, 1) - 1) * width;
  let bottom = (plane * height + min(band, height - 1)) * width;
  var partial = vec4f();
  var topLeft = masks[top];
  var bottomLeft = masks[bottom];
  for (var cell = 0u; cell <= width; cell++) {
    let right = min(cell, width - 1);
    let topRight = masks[top + right];
    let bottomRight = masks[bottom + right];
    // half a cell lies outside at either border
    let first = select(0, quads / 2, cell == 0);
    let last = select(quads, quads / 2, cell == width);
    var sums = vec4f();
    var focal = vec4f();
    var slope = vec4f();
    var ownSlope = vec4f();
    for (var r = lane; r < rows; r += WG) {
      let row = band * rows + r - rows / 2;
      // rows above the first one have wrapped around
      if (row >= outHeight) { continue; }
      let down = (f32(r) + 0.5) * rowStep;
      let left = mix(topLeft, bottomLeft, down);
      let rise = mix(topRight, bottomRight, down) - left;
      let at = (image * outHeight + row) * outQuads + cell * quads - quads / 2;
      var line = vec3f();
      var weighted = vec3f();
      for (var q = first; q < last; q++) {
        let across = (vec4f(0.5, 1.5, 2.5, 3.5) + f32(4 * q)) * columnStep;
        let x = left + rise * across;
        let positive = labels[at + q] == vec4u(category);
        let p0 = pixelLoss(x.x, positive.x, alpha, gamma, square);
        let p1 = pixelLoss(x.y, positive.y, alpha, gamma, square);
        let p2 = pixelLoss(x.z, positive.z, alpha, gamma, square);
        let p3 = pixelLoss(x.w, positive.w, alpha, gamma, square);
        sums += (p0.sums + p1.sums) + (p2.sums + p3.sums);
        let focals = vec4f(p0.focal, p1.focal, p2.focal, p3.focal);
        let slopes = vec4f(p0.slope, p1.slope, p2.slope, p3.slope);
        let ownSlopes = select(vec4f(), slopes, positive);
        line += vec3f(dot(focals, vec4f(1.0)), dot(slopes, vec4f(1.0)), dot(ownSlopes, vec4f(1.0)));
        weighted += vec3f(dot(focals, across), dot(slopes, across), dot(ownSlopes, across));
      }
      let rest = line - weighted;
      let weights = vec4f(1.0 - down, 1.0 - down, down, down);
      focal += weights * vec4f(rest.x, weighted.x, rest.x, weighted.x);
      slope += weights * vec4f(rest.y, weighted.y, rest.y, weighted.y);
      ownSlope += weights * vec4f(rest.z, weighted.z, rest.z, weighted.z);
    }
    partial += sums;
    focal = subgroupSum8(focal);
    slope = subgroupSum8(slope);
    ownSlope = subgroupSum8(ownSlope);
    if (lane < 3) {
      corners[3 * (job * (width + 1) + cell) + lane] = select(select(ownSlope, slope, lane == 1), focal, lane == 0);
    }
    topLeft = topRight;
    bottomLeft = bottomRight;
  }
  let total = subgroupSum8(partial);
  if (lane == 0) { partials[job] = total; }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  // two bodies, of which one loops: a CPU takes no other branch
  if (dims.gamma == 2.0) {
    walk(group, lane, true);
  } else {
    walk(group, lane, false);
  }
}
