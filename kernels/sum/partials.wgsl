// partials[t] = sum of the vec4s t, t + parts, t + 2 parts, ... of x: thread t keeps one sum, so that the order of
// additions never changes. sum.finish adds the partials.
const WG: u32 = 32;
struct Dims { count: u32, parts: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;               // (count)
@group(0) @binding(1) var<storage, read_write> partials: array<f32>;    // (parts)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let parts = dims.parts;
  let count = dims.count;
  if (id.x >= parts) { return; }
  var sums = vec4f();
  for (var at = id.x; at < count / 4; at += parts) { sums += x[at]; }
  var sum = dot(sums, vec4f(1.0));
  if (id.x == 0) {
    for (var k = 0u; k < count % 4; k++) { sum += x[count / 4][k]; }
  }
  partials[id.x] = sum;
}
