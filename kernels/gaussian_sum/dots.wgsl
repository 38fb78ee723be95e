// Partial sums of <dy, layer l> for up to four layers: thread t takes the vec4s t, t + parts, t + 2 parts, ..., so
// that the order of additions never changes. sum.finish adds the rows of the result, which are the weights'
// gradients.
const WG: u32 = 32;
alias store_t = f32;
struct Dims { count: u32, parts: u32, layers: u32 }
@group(0) @binding(0) var<storage, read> dy: array<vec4<store_t>>;             // (count)
@group(0) @binding(1) var<storage, read> layer0: array<vec4<store_t>>;         // (count)
@group(0) @binding(2) var<storage, read> layer1: array<vec4<store_t>>;         // (count), with layers > 1
@group(0) @binding(3) var<storage, read> layer2: array<vec4<store_t>>;         // (count), with layers > 2
@group(0) @binding(4) var<storage, read> layer3: array<vec4<store_t>>;         // (count), with layers > 3
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;   // (parts, layers)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let parts = dims.parts;
  let layers = dims.layers;
  let count = dims.count;
  if (id.x >= parts) { return; }
  var sums = vec4f();
  for (var at = id.x; at < (count + 3) / 4; at += parts) {
    let inside = vec4u(4 * at, 4 * at + 1, 4 * at + 2, 4 * at + 3) < vec4u(count);
    let g = vec4f(dy[at]);
    sums.x += inner(g, vec4f(layer0[at]), inside);
    if (layers > 1) { sums.y += inner(g, vec4f(layer1[at]), inside); }
    if (layers > 2) { sums.z += inner(g, vec4f(layer2[at]), inside); }
    if (layers > 3) { sums.w += inner(g, vec4f(layer3[at]), inside); }
  }
  for (var l = 0u; l < layers; l++) { partials[id.x * layers + l] = sums[l]; }
}

// <a, b> without the elements behind the end of the buffers.
fn inner(a: vec4f, b: vec4f, inside: vec4<bool>) -> f32 {
  return dot(select(vec4f(), a, inside), select(vec4f(), b, inside));
}
