// y = x after 8 * rounds steps of x = x * factor + shift, in registers only: the most arithmetic an adapter can do.
// Each thread holds four independent vec4 chains; nothing is loaded or stored within the loop.
const WG: u32 = 64;
struct Dims { threads: u32, rounds: u32, factor: f32, shift: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;          // (threads, 4 chains)
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;    // (threads, 4 chains)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let thread = id.x;
  if (thread >= dims.threads) { return; }
  let factor = vec4f(dims.factor);
  let shift = vec4f(dims.shift);
  let rounds = dims.rounds;
  var a = x[4 * thread];
  var b = x[4 * thread + 1];
  var c = x[4 * thread + 2];
  var d = x[4 * thread + 3];
  for (var i = 0u; i < rounds; i++) {
    a = fma(a, factor, shift); b = fma(b, factor, shift); c = fma(c, factor, shift); d = fma(d, factor, shift);
    a = fma(a, factor, shift); b = fma(b, factor, shift); c = fma(c, factor, shift); d = fma(d, factor, shift);
    a = fma(a, factor, shift); b = fma(b, factor, shift); c = fma(c, factor, shift); d = fma(d, factor, shift);
    a = fma(a, factor, shift); b = fma(b, factor, shift); c = fma(c, factor, shift); d = fma(d, factor, shift);
    a = fma(a, factor, shift); b = fma(b, factor, shift); c = fma(c, factor, shift); d = fma(d, factor, shift);
    a = fma(a, factor, shift); b = fma(b, factor, shift); c = fma(c, factor, shift); d = fma(d, factor, shift);
    a = fma(a, factor, shift); b = fma(b, factor, shift); c = fma(c, factor, shift); d = fma(d, factor, shift);
    a = fma(a, factor, shift); b = fma(b, factor, shift); c = fma(c, factor, shift); d = fma(d, factor, shift);
  }
  y[4 * thread] = a;
  y[4 * thread + 1] = b;
  y[4 * thread + 2] = c;
  y[4 * thread + 3] = d;
}
