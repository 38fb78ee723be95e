// y = a + b, element by element. Each thread walks 4 vec4 in steps of the whole workgroup's width.
const WG: u32 = 64;
const PER_THREAD: u32 = 4;
struct Dims { count: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4f>;        // (count)
@group(0) @binding(1) var<storage, read> b: array<vec4f>;        // (count)
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;  // (count)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let quads = (dims.count + 3) / 4;
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD + local.x;
  for (var i = 0u; i < PER_THREAD; i++) {
    let at = first + i * WG;
    if (at < quads) { y[at] = a[at] + b[at]; }
  }
}
