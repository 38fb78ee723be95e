// Gradient of one layer: dlayer = weights[layer] * dy. Each thread walks PER_THREAD vec4 in steps of the
// workgroup's width.
const WG: u32 = 32;
const PER_THREAD: u32 = 16;
alias store_t = f32;
struct Dims { count: u32, layer: u32, total: u32 }
@group(0) @binding(0) var<storage, read> weights: array<f32>;         // (total)
@group(0) @binding(1) var<storage, read> dy: array<vec4<store_t>>;            // (count)
@group(0) @binding(2) var<storage, read_write> dlayer: array<vec4<store_t>>;  // (count)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let weight = weights[dims.layer];
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD;
  let end = min(first + WG * PER_THREAD, (dims.count + 3) / 4);
  for (var at = first + local.x; at < end; at += WG) { dlayer[at] = vec4<store_t>(weight * vec4f(dy[at])); }
}
