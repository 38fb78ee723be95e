// y = combine(a, b), element by element. b repeats after `period` elements, which broadcasts it over leading axes.
// `combine` stands in the file appended to this one. Each thread walks PER_THREAD vec4 in steps of the workgroup's
// width; the bound is known at run time only, because compilers unroll a constant one to slower code.
const WG: u32 = 32;
const PER_THREAD: u32 = 16;
alias store_t = f32;
struct Dims { count: u32, period: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<store_t>>;        // (count)
@group(0) @binding(1) var<storage, read> b: array<vec4<store_t>>;        // (period)
@group(0) @binding(2) var<storage, read_write> y: array<vec4<store_t>>;  // (count)
@group(1) @binding(0) var<uniform> dims: Dims;

fn repeated(i: u32, period: u32) -> f32 {
  let k = i % period;
  return f32(b[k / 4][k % 4]);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let period = dims.period;
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD;
  let end = min(first + WG * PER_THREAD, (dims.count + 3) / 4);
  if (period == dims.count) {
    for (var at = first + local.x; at < end; at += WG) { y[at] = vec4<store_t>(combine(vec4f(a[at]), vec4f(b[at]))); }
  } else if (period % 4 == 0) {
    for (var at = first + local.x; at < end; at += WG) {
      y[at] = vec4<store_t>(combine(vec4f(a[at]), vec4f(b[at % (period / 4)])));
    }
  } else {
    for (var at = first + local.x; at < end; at += WG) {
      let i = 4 * at;
      let other = vec4f(repeated(i, period), repeated(i + 1, period), repeated(i + 2, period), repeated(i + 3, period));
      y[at] = vec4<store_t>(combine(vec4f(a[at]), other));
    }
  }
}
