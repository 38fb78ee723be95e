// The transpose of patch.unfold: every pixel gets the one element that was made from it; pixels beyond the last
// whole patch get 0. Each thread owns PER_THREAD vec4 of the image.
const WG: u32 = 32;
const PER_THREAD: u32 = 16;
struct Dims { images: u32, channels: u32, height: u32, width: u32, side: u32 }
@group(0) @binding(0) var<storage, read> dy: array<f32>;              // (images, patches, channels * side * side)
@group(0) @binding(1) var<storage, read_write> dimage: array<vec4f>;  // (images, channels, height, width)
@group(1) @binding(0) var<uniform> dims: Dims;

fn gradient(i: u32, d: Dims) -> f32 {
  let p = d.side;
  let line = i / d.width;
  let x = i - line * d.width;
  let plane = line / d.height;
  let y = line - plane * d.height;
  let b = plane / d.channels;
  let channel = plane - b * d.channels;
  let down = d.height / p;
  let across = d.width / p;
  if (y >= down * p || x >= across * p) { return 0.0; }
  let patchIndex = (b * down + y / p) * across + x / p;
  return dy[((patchIndex * d.channels + channel) * p + y % p) * p + x % p];
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let d = dims;
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD;
  let end = min(first + WG * PER_THREAD, (d.images * d.channels * d.height * d.width + 3) / 4);
  for (var at = first + local.x; at < end; at += WG) {
    let i = 4 * at;
    dimage[at] = vec4f(gradient(i, d), gradient(i + 1, d), gradient(i + 2, d), gradient(i + 3, d));
  }
}
