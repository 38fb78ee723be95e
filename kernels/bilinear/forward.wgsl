// Bilinear resize with half-pixel centres (align_corners = false): y[i, j] reads x at ((i + 0.5) h / H - 0.5, ...),
// clamped to the border. Source positions are exact fractions ((2 i + 1) h - H) / (2 H) in integers.
// One thread per output pixel.
const WG: u32 = 64;
alias store_t = f32;
struct Dims { planes: u32, height: u32, width: u32, out_height: u32, out_width: u32 }
@group(0) @binding(0) var<storage, read> x: array<store_t>;           // (planes, height, width)
@group(0) @binding(1) var<storage, read_write> y: array<store_t>;     // (planes, out_height, out_width)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = (group.y * groups.x + group.x) * WG + local.x;
  let size = dims.out_height * dims.out_width;
  if (at >= dims.planes * size) { return; }
  let rows = sourceOf((at % size) / dims.out_width, dims.height, dims.out_height);
  let cols = sourceOf(at % dims.out_width, dims.width, dims.out_width);
  let base = (at / size) * dims.height * dims.width;
  let top = base + rows.low * dims.width;
  let bottom = base + rows.high * dims.width;
  let upper = mix(f32(x[top + cols.low]), f32(x[top + cols.high]), cols.fraction);
  let lower = mix(f32(x[bottom + cols.low]), f32(x[bottom + cols.high]), cols.fraction);
  y[at] = store_t(mix(upper, lower, rows.fraction));
}
