// Keeps a step's loss where the host can fetch it later: row `step % rows` of a ring. Counts steps whose loss is
// not finite (judged by its bits, since WGSL may assume that NaN and infinity do not occur) and keeps the first.
struct Dims { rows: u32 }
@group(0) @binding(0) var<storage, read> loss: array<u32>;               // (4): bits of focal, dice, total, present pairs
@group(0) @binding(1) var<storage, read> state: array<u32>;              // (4): seed low, seed high, step, 0
@group(0) @binding(2) var<storage, read_write> ring: array<u32>;         // (rows, 4)
@group(0) @binding(3) var<storage, read_write> health: array<u32>;       // (2): bad steps, first bad step
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(1)
fn main() {
  let step = state[2];
  var bad = false;
  for (var i = 0u; i < 4; i++) {
    let bits = loss[i];
    bad = bad || (bits & 0x7f800000u) == 0x7f800000u;
    ring[(step % dims.rows) * 4 + i] = bits;
  }
  if (bad) {
    if (health[0] == 0) { health[1] = step; }
    health[0] += 1;
  }
}
