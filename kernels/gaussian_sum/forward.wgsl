// y = base + sum over l of weights[first + l] * layer l, for up to four layers; without base (extended 0) the sum
// begins at 0. More layers: further dispatches, each with the sum so far as its base. Each thread walks PER_THREAD
// vec4 in steps of the workgroup's width.
const WG: u32 = 32;
const PER_THREAD: u32 = 16;
alias store_t = f32;
struct Dims { count: u32, layers: u32, first: u32, total: u32, extended: u32 }
@group(0) @binding(0) var<storage, read> weights: array<f32>;    // (total)
@group(0) @binding(1) var<storage, read> layer0: array<vec4<store_t>>;   // (count)
@group(0) @binding(2) var<storage, read> layer1: array<vec4<store_t>>;   // (count), with layers > 1
@group(0) @binding(3) var<storage, read> layer2: array<vec4<store_t>>;   // (count), with layers > 2
@group(0) @binding(4) var<storage, read> layer3: array<vec4<store_t>>;   // (count), with layers > 3
@group(0) @binding(5) var<storage, read> base: array<vec4<store_t>>;     // (count), with extended
@group(0) @binding(6) var<storage, read_write> y: array<vec4<store_t>>;  // (count)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let layers = dims.layers;
  let extended = dims.extended != 0;
  let w0 = weights[dims.first];
  let w1 = weights[dims.first + min(1, layers - 1)];
  let w2 = weights[dims.first + min(2, layers - 1)];
  let w3 = weights[dims.first + layers - 1];
  let begin = (group.y * groups.x + group.x) * WG * PER_THREAD;
  let end = min(begin + WG * PER_THREAD, (dims.count + 3) / 4);
  for (var at = begin + local.x; at < end; at += WG) {
    var sum = w0 * vec4f(layer0[at]);
    if (layers > 1) { sum += w1 * vec4f(layer1[at]); }
    if (layers > 2) { sum += w2 * vec4f(layer2[at]); }
    if (layers > 3) { sum += w3 * vec4f(layer3[at]); }
    if (extended) { sum += vec4f(base[at]); }
    y[at] = vec4<store_t>(sum);
  }
}
