// dx of a dropout with copies: a block of dx is the sum of its copies in dy * keep / (1 - probability), in order. One
// thread per element of dx; masks as in dropout.wgsl.
const WG: u32 = 32;
alias store_t = f32;
struct Dims { count: u32, block: u32, copies: u32, residual: u32, op: u32, threshold: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> dy: array<store_t>;        // (count)
@group(0) @binding(1) var<storage, read> random: vec4u;             // (4): seedLow, seedHigh, step, 0
@group(0) @binding(2) var<storage, read_write> dx: array<store_t>;  // (count / copies)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let op = dims.op;
  let threshold = dims.threshold;
  let block = dims.block;
  let copies = dims.copies;
  let state = random;
  let i = (group.y * groups.x + group.x) * WG + local.x;
  if (i >= dims.count / copies) { return; }
  let begin = i / block * block * copies + i % block;
  var sum = 0.0;
  for (var c = 0u; c < copies; c++) {
    let at = begin + c * block;
    if (keep(state, op, at, threshold)) { sum += f32(dy[at]); }
  }
  dx[i] = store_t(sum * dims.scale);
}
