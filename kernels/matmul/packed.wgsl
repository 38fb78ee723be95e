enable subgroups;
// c = activation(a b + bias) + residual, a and b in panels (pack.wgsl). For software adapters, where a subgroup of
// 8 lanes is one SIMD register: one subgroup makes 32 x 32 of c in registers, a lane 4 columns of every row. In four
// steps of k it loads 4 x 4 of b for itself and four vec4 of a for all, both from memory that is read in one stream:
// rows far apart would share sets of the cache and be too many for its prefetcher. Loops over ROWS are unrolled by the
// driver and their array becomes registers. Such an adapter runs through branches that no lane takes, so what the
// sizes do not need is left out by constants.
const ROWS: u32 = 32;
const SPLIT: bool = true;         // rows of c begin anywhere
const ACTIVATES: bool = true;     // there is an activation
const PREACTIVATES: bool = true;  // the values before it are kept
const ADDS: bool = true;          // there is a residual
alias a_t = f32;
alias b_t = f32;
alias store_t = f32;
alias a_words = vec4u;
alias b_words = vec4u;
struct Dims { m: u32, n: u32, k: u32, bias: u32, activation: u32, residual: u32, preactivation: u32 }
@group(0) @binding(0) var<storage, read> a: array<a_words>;                          // (ceil(m / 32), ceil(k / 4), 32): 4 k of a row
@group(0) @binding(1) var<storage, read> b: array<b_words>;                          // (ceil(n / 32), ceil(k / 4), 4, 8): 4 columns of a k
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;                         // (n)
@group(0) @binding(3) var<storage, read> residual: array<vec4<store_t>>;             // (m, n)
@group(0) @binding(4) var<storage, read_write> c: array<vec4<store_t>>;              // (m, n)
@group(0) @binding(5) var<storage, read_write> preactivation: array<vec4<store_t>>;  // (m, n)
@group(1) @binding(0) var<uniform> dims: Dims;

fn aQuad(i: u32) -> vec4f { return vec4f(bitcast<vec4<a_t>>(a[i])); }
fn bQuad(i: u32) -> vec4f { return vec4f(bitcast<vec4<b_t>>(b[i])); }

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let m = dims.m;
  let n = dims.n;
  let steps = (dims.k + 3) / 4;
  let aFirst = group.x * steps * ROWS + lane;
  let bFirst = group.y * steps * 32 + lane;
  var sums = array<vec4f, ROWS>();
  for (var step = 0u; step < steps; step++) {
    let i = aFirst + step * ROWS;
    let j = bFirst + step * 32;
    let block = mat4x4f(bQuad(j), bQuad(j + 8), bQuad(j + 16), bQuad(j + 24));
    var x = array<vec4f, ROWS / 8>();
    for (var g = 0u; g < ROWS / 8; g++) { x[g] = aQuad(i + 8 * g); }
    for (var r = 0u; r < ROWS; r++) { sums[r] += block * subgroupShuffle(x[r / 8], r % 8); }
  }

  let column = 4 * (8 * group.y + lane);
  let columns = select(0u, min(4, n - column), column < n);
  let shift = select(vec4f(), bias[column / 4], dims.bias != 0);
  // Stores are large machine code: they exist once, eight rows take turns, then the others move up.
  let end = min(ROWS, m - ROWS * group.x);
  let first = ROWS * group.x * n + column;
  var eight = 0u;
  loop {
    var row = eight;
    loop {
      let odd = row % 2 != 0;
      let low = select(select(sums[0], sums[1], odd), select(sums[2], sums[3], odd), row % 4 > 1);
      let high = select(select(sums[4], sums[5], odd), select(sums[6], sums[7], odd), row % 4 > 1);
      store(first + row * n, columns, select(low, high, row % 8 > 3) + shift);
      continuing { row++; break if row >= min(eight + 8, end); }
    }
    for (var r = 0u; r < ROWS - 8; r++) { sums[r] = sums[r + 8]; }
    continuing { eight += 8; break if eight >= end; }
  }
}
