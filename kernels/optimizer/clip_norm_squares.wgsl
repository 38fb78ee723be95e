// First stage of a global norm: partials[offset + t] = sum of squares of the vec4s t, t + parts, t + 2 parts, ... of a
// tensor. Thread t keeps one sum, so the order of additions never changes.
const WG: u32 = 64;
struct Dims { count: u32, offset: u32, parts: u32 }
@group(0) @binding(0) var<storage, read> grad: array<vec4f>;             // (count)
@group(0) @binding(1) var<storage, read_write> partials: array<f32>;     // (offset + parts)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let count = dims.count;
  let parts = dims.parts;
  if (id.x >= parts) { return; }
  var sum = 0.0;
  for (var at = id.x; 4 * at < count; at += parts) {
    let inside = select(vec4f(), grad[at], vec4u(0, 1, 2, 3) + 4 * at < vec4u(count));
    sum += dot(inside, inside);
  }
  partials[dims.offset + id.x] = sum;
}
