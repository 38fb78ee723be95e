enable subgroups;
// c = activation(a^T b + bias) + residual as a sum of outer products: a and b are both stored k first, as they are or in
// panels of 32 rows (pack.wgsl). For software adapters, where a subgroup of 8 lanes is one SIMD register: one subgroup
// makes 32 x 64 of c in registers, a lane 4 columns of either half of every row. In two steps of k it loads 2 x 8 of b
// for itself and two vec4 of a for all. More than half of its instructions are loads: hence so many columns, and so few
// steps, since a loop of more than about 6000 instructions is half as fast. Loops over ROWS are unrolled by the driver,
// up to 32, and their arrays become registers. Such an adapter runs through branches that no lane takes, so what the
// sizes do not need is left out by constants.
const ROWS: u32 = 32;
const SPLIT: bool = true;         // rows of c begin anywhere
const ACTIVATES: bool = true;     // there is an activation
const PREACTIVATES: bool = true;  // the values before it are kept
const ADDS: bool = true;          // there is a residual
const PANELS: bool = true;        // a and b are in panels, whose k is padded with zeros
const ODD: bool = true;           // k is odd
alias a_t = f32;
alias b_t = f32;
alias store_t = f32;
alias a_words = vec4u;
alias b_words = vec4u;
struct Dims { m: u32, n: u32, k: u32, bias: u32, activation: u32, residual: u32, preactivation: u32, panels: u32 }
@group(0) @binding(0) var<storage, read> a: array<a_words>;                          // (k, m), or (ceil(m / 32), 4 ceil(k / 4), 32)
@group(0) @binding(1) var<storage, read> b: array<b_words>;                          // (k, n), or (ceil(n / 32), 4 ceil(k / 4), 32)
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
  let k = select(dims.k, (dims.k + 3) / 4 * 4, PANELS);
  // in vec4s: from one k to the next, and where this lane begins
  let aLine = select(m / 4, 8, PANELS);
  let bLine = select(n / 4, 8, PANELS);
  let aFirst = lane + select(8 * group.x, 8 * group.x * k, PANELS);
  let bFirst = lane + select(16 * group.y, 16 * group.y * k, PANELS);
  let bRight = bFirst + select(8, 8 * k, PANELS);
  var sums = array<vec4f, ROWS>();
  var more = array<vec4f, ROWS>();
  for (var step = 0u; step < (k + 1) / 2; step++) {
    let now = 2 * step;
    let next = select(now + 1, min(now + 1, k - 1), ODD);
    let a0 = aQuad(aFirst + now * aLine);
    var a1 = aQuad(aFirst + next * aLine);
    if (ODD) { a1 = select(vec4f(), a1, next != now); }
    let b0 = bQuad(bFirst + now * bLine);
    let b1 = bQuad(bFirst + next * bLine);
    let c0 = bQuad(bRight + now * bLine);
    let c1 = bQuad(bRight + next * bLine);
    for (var r = 0u; r < ROWS; r++) {
      let x0 = subgroupShuffle(a0[r % 4], r / 4);
      let x1 = subgroupShuffle(a1[r % 4], r / 4);
      sums[r] += b0 * x0 + b1 * x1;
      more[r] += c0 * x0 + c1 * x1;
    }
  }

  let end = min(ROWS, m - ROWS * group.x);
  // Stores are large machine code: they exist once, eight rows take turns, then the others move up.
  for (var half = 0u; half < 2; half++) {
    let column = 4 * (16 * group.y + 8 * half + lane);
    let columns = select(0u, min(4, n - column), column < n);
    let shift = select(vec4f(), bias[column / 4], dims.bias != 0);
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
    for (var r = 0u; r < ROWS; r++) { sums[r] = more[r]; }
  }
}
