// Transpose of the bilinear resize: dx[r, c] = sum of dy[i, j] times the weight with which (i, j) read (r, c).
// One thread per input pixel gathers from its readers, so nothing is added concurrently.
const WG: u32 = 64;
alias store_t = f32;
struct Dims { planes: u32, height: u32, width: u32, out_height: u32, out_width: u32 }
@group(0) @binding(0) var<storage, read> dy: array<store_t>;          // (planes, out_height, out_width)
@group(0) @binding(1) var<storage, read_write> dx: array<store_t>;    // (planes, height, width)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = (group.y * groups.x + group.x) * WG + local.x;
  let height = dims.height;
  let width = dims.width;
  let outHeight = dims.out_height;
  let outWidth = dims.out_width;
  if (at >= dims.planes * height * width) { return; }
  let row = (at % (height * width)) / width;
  let col = at % width;
  let base = (at / (height * width)) * outHeight * outWidth;
  let rows = readersOf(row, height, outHeight);
  let cols = readersOf(col, width, outWidth);
  var sum = 0.0;
  for (var i = rows.x; i < rows.y; i++) {
    let rowWeight = weightOf(i, row, height, outHeight);
    if (rowWeight == 0.0) { continue; }
    var line = 0.0;
    for (var j = cols.x; j < cols.y; j++) {
      line += weightOf(j, col, width, outWidth) * f32(dy[base + i * outWidth + j]);
    }
    sum += rowWeight * line;
  }
  dx[at] = store_t(sum);
}
