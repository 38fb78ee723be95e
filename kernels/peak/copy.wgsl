// y = x: the most bytes an adapter can move. Each workgroup copies PER * WG neighbouring vec4, PER to a thread.
const WG: u32 = 64;
const PER: u32 = 64;
struct Dims { vectors: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;          // (vectors)
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;    // (vectors)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let vectors = dims.vectors;
  let first = (group.y * groups.x + group.x) * WG * PER + local.x;
  for (var i = 0u; i < PER; i++) {
    let at = first + i * WG;
    if (at < vectors) { y[at] = x[at]; }
  }
}
