// Counts the elements that are NaN or infinite, from their bits, and keeps the lowest index of one.
// Each thread walks PER_THREAD vec4.
const WG: u32 = 64;
const PER_THREAD: u32 = 16;
struct Dims { count: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4u>;                     // (count): bits of f32
@group(0) @binding(1) var<storage, read_write> found: array<atomic<u32>>;     // (2): how many, lowest index
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD + local.x;
  let end = min(first - local.x + WG * PER_THREAD, (dims.count + 3) / 4);
  for (var at = first; at < end; at += WG) {
    let bad = (x[at] & vec4u(0x7f800000)) == vec4u(0x7f800000);
    if (!any(bad)) { continue; }
    for (var k = 0u; k < 4; k++) {
      if (bad[k] && 4 * at + k < dims.count) {
        atomicAdd(&found[0], 1);
        atomicMin(&found[1], 4 * at + k);
      }
    }
  }
}
