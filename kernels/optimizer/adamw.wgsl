// One AdamW step on one parameter (Loshchilov & Hutter 2019):
// g = grad / max(1, divisor); p -= lr wd p; m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2; p -= lr (m / c1) / (sqrt(v / c2) + eps).
// `schedule` holds what changes with the step: c1 = 1 - b1^t, c2 = 1 - b2^t, then a learning rate for each group.
// Nothing is written once `health` has seen a loss that is not finite. Each thread walks PER_THREAD vec4s.
const WG: u32 = 64;
const PER_THREAD: u32 = 16;
struct Dims { count: u32, group: u32, beta1: f32, beta2: f32, eps: f32, weight_decay: f32 }
@group(0) @binding(0) var<storage, read> grad: array<vec4f>;             // (count)
@group(0) @binding(1) var<storage, read> schedule: array<f32>;           // (2 + groups)
@group(0) @binding(2) var<storage, read> divisor: array<f32>;            // (1)
@group(0) @binding(3) var<storage, read> health: array<u32>;             // (2): bad steps, first bad step
@group(0) @binding(4) var<storage, read_write> p: array<vec4f>;          // (count)
@group(0) @binding(5) var<storage, read_write> m: array<vec4f>;          // (count)
@group(0) @binding(6) var<storage, read_write> v: array<vec4f>;          // (count)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  if (health[0] > 0) { return; }
  let quads = (dims.count + 3) / 4;
  let beta1 = dims.beta1;
  let beta2 = dims.beta2;
  let eps = dims.eps;
  let rate = schedule[2 + dims.group];
  let keep = 1.0 - rate * dims.weight_decay;
  let stepSize = rate / schedule[0];
  let rootC2 = sqrt(schedule[1]);
  let inverse = 1.0 / max(1.0, divisor[0]);
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD + local.x;
  for (var i = 0u; i < PER_THREAD; i++) {
    let at = first + i * WG;
    if (at >= quads) { return; }
    let g = grad[at] * inverse;
    let m1 = beta1 * m[at] + (1.0 - beta1) * g;
    let v1 = beta2 * v[at] + (1.0 - beta2) * g * g;
    m[at] = m1;
    v[at] = v1;
    p[at] = p[at] * keep - stepSize * m1 / (sqrt(v1) / rootC2 + eps);
  }
}
