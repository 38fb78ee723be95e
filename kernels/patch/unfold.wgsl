// Patches of an image as rows: y[b, n, (c, i, j)] = image[b, c, gy * side + i, gx * side + j] with n = gy * across
// + gx. A row has the order of a convolution weight, so that patch embedding is a linear layer; pixels beyond the
// last whole patch are left out. Each thread owns PER_THREAD vec4 of y.
const WG: u32 = 32;
const PER_THREAD: u32 = 16;
struct Dims { images: u32, channels: u32, height: u32, width: u32, side: u32 }
@group(0) @binding(0) var<storage, read> image: array<vec4f>;    // (images, channels, height, width)
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;  // (images, patches, channels * side * side)
@group(1) @binding(0) var<uniform> dims: Dims;

// Where element i of y lies in the image.
fn pixel(i: u32, d: Dims) -> u32 {
  let p = d.side;
  let across = d.width / p;
  let line = i / p;
  let column = i - line * p;
  let plane = line / p;
  let row = line - plane * p;
  let patchIndex = plane / d.channels;
  let channel = plane - patchIndex * d.channels;
  let patchRow = patchIndex / across;
  let gridRow = patchRow % (d.height / p);
  let b = patchRow / (d.height / p);
  let gridColumn = patchIndex - patchRow * across;
  return ((b * d.channels + channel) * d.height + gridRow * p + row) * d.width + gridColumn * p + column;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let d = dims;
  let count = d.images * d.channels * (d.height / d.side) * (d.width / d.side) * d.side * d.side;
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD;
  let end = min(first + WG * PER_THREAD, (count + 3) / 4);
  if (((d.side | d.width) & 3) == 0) {
    for (var at = first + local.x; at < end; at += WG) { y[at] = image[pixel(4 * at, d) / 4]; }
    return;
  }
  for (var at = first + local.x; at < end; at += WG) {
    var value = vec4f();
    for (var k = 0u; k < 4; k++) {
      let i = pixel(4 * at + k, d);
      value[k] = image[i / 4][i % 4];
    }
    y[at] = value;
  }
}
