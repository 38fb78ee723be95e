// y = residual + x * keep / (1 - probability): element i of operation `op` survives when its Philox word reaches
// `threshold`; without residual (residual 0) the sum begins at 0. With copies > 1 every block of x becomes that many
// blocks of y, each with a mask of its own. The backward pass without copies is the same kernel on dy, because the
// mask depends on (seed, step, op, i) only. Each thread walks PER_THREAD vec4 in steps of the workgroup's width.
const WG: u32 = 32;
const PER_THREAD: u32 = 16;
alias store_t = f32;
struct Dims { count: u32, block: u32, copies: u32, residual: u32, op: u32, threshold: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<store_t>>;         // (count / copies): blocks
@group(0) @binding(1) var<storage, read> random: vec4u;                   // (4): seedLow, seedHigh, step, 0
@group(0) @binding(2) var<storage, read> residual: array<vec4<store_t>>;  // (count), with residual
@group(0) @binding(3) var<storage, read_write> y: array<vec4<store_t>>;   // (count)
@group(1) @binding(0) var<uniform> dims: Dims;

// What elements 4 at .. 4 at + 3 of y are made of.
fn source(at: u32, block: u32, copies: u32) -> vec4f {
  if (copies == 1) { return vec4f(x[at]); }
  var value = vec4f();
  for (var k = 0u; k < 4; k++) {
    let i = 4 * at + k;
    let j = i / (block * copies) * block + i % block;
    value[k] = f32(x[j / 4][j % 4]);
  }
  return value;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let op = dims.op;
  let threshold = dims.threshold;
  let scale = dims.scale;
  let block = dims.block;
  let copies = dims.copies;
  let added = dims.residual != 0;
  let state = random;
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD;
  let end = min(first + WG * PER_THREAD, (dims.count + 3) / 4);
  for (var at = first + local.x; at < end; at += WG) {
    var value = select(vec4f(), source(at, block, copies) * scale, keep4(state, op, at, threshold));
    if (added) { value += vec4f(residual[at]); }
    y[at] = vec4<store_t>(value);
  }
}
