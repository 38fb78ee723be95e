// Adds pixel counts to a confusion matrix: row = truth, column = prediction. Labels that are no class (255) do
// not count. Integer atomics: exact in any order. One thread per pixel.
const WG: u32 = 64;
struct Dims { count: u32, classes: u32 }
@group(0) @binding(0) var<storage, read> prediction: array<u32>;              // (count)
@group(0) @binding(1) var<storage, read> truth: array<u32>;                   // (count)
@group(0) @binding(2) var<storage, read_write> matrix: array<atomic<u32>>;    // (classes, classes)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = (group.y * groups.x + group.x) * WG + local.x;
  if (at >= dims.count || truth[at] >= dims.classes || prediction[at] >= dims.classes) { return; }
  atomicAdd(&matrix[truth[at] * dims.classes + prediction[at]], 1);
}
