// dx = dy * exp(tau * (x - y)): each patch takes its softmax share of the gradient. One thread per (image, caption),
// walking the patches.
const WG: u32 = 32;
struct Dims { images: u32, patches: u32, captions: u32, tau: f32 }
@group(0) @binding(0) var<storage, read> dy: array<f32>;         // (images, captions)
@group(0) @binding(1) var<storage, read> x: array<f32>;          // (images, patches, captions)
@group(0) @binding(2) var<storage, read> y: array<f32>;          // (images, captions)
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;   // (images, patches, captions)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let patches = dims.patches;
  let captions = dims.captions;
  let tau = dims.tau;
  let column = (group.y * groups.x + group.x) * WG + local.x;
  if (column >= dims.images * captions) { return; }
  let begin = (column / captions) * patches * captions + column % captions;
  let pooled = y[column];
  let gradient = dy[column];
  for (var n = 0u; n < patches; n++) {
    let at = begin + n * captions;
    dx[at] = gradient * exp(tau * (x[at] - pooled));
  }
}
