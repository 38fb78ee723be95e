// norm = sqrt(sum of partials), and what gradients must be divided by so that their norm is at most max_norm.
// One workgroup.
const WG: u32 = 64;
struct Dims { count: u32, max_norm: f32 }
@group(0) @binding(0) var<storage, read> partials: array<f32>;        // (count)
@group(0) @binding(1) var<storage, read_write> clip: array<f32>;      // (2): divisor = max(1, norm / max_norm), norm
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_id) local: vec3u) {
  let count = dims.count;
  var sum = 0.0;
  for (var i = local.x; i < count; i += WG) { sum += partials[i]; }
  let norm = sqrt(workgroupSum(sum, local.x));
  if (local.x == 0) {
    clip[0] = max(1.0, norm / dims.max_norm);
    clip[1] = norm;
  }
}
