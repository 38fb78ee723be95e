// y = log(sum over patches of exp(tau * x)) / tau: a smooth maximum over an image's patches, for every caption.
// One thread per (image, caption), walking the patches, so neighbouring threads read neighbouring captions.
const WG: u32 = 32;
struct Dims { images: u32, patches: u32, captions: u32, tau: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;         // (images, patches, captions)
@group(0) @binding(1) var<storage, read_write> y: array<f32>;   // (images, captions)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let patches = dims.patches;
  let captions = dims.captions;
  let tau = dims.tau;
  let column = (group.y * groups.x + group.x) * WG + local.x;
  if (column >= dims.images * captions) { return; }
  let begin = (column / captions) * patches * captions + column % captions;
  var peak = x[begin];
  for (var n = 1u; n < patches; n++) { peak = max(peak, x[begin + n * captions]); }
  var sum = 0.0;
  for (var n = 0u; n < patches; n++) { sum += exp(tau * (x[begin + n * captions] - peak)); }
  y[column] = peak + log(sum) / tau;
}
