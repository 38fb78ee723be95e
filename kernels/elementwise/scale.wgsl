// y = x * factor. Each thread walks PER_THREAD vec4 in steps of the workgroup's width.
const WG: u32 = 32;
const PER_THREAD: u32 = 16;
alias store_t = f32;
struct Dims { count: u32, factor: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<store_t>>;        // (count)
@group(0) @binding(1) var<storage, read_write> y: array<vec4<store_t>>;  // (count)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let factor = dims.factor;
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD;
  let end = min(first + WG * PER_THREAD, (dims.count + 3) / 4);
  for (var at = first + local.x; at < end; at += WG) { y[at] = vec4<store_t>(vec4f(x[at]) * factor); }
}
