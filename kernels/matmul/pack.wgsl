// Copies a matrix into panels of 32 rows, k first, so that a product reads each panel from front to back:
// y[p, i, j] = x[32 p + 4 j .. 32 p + 4 j + 3, i]. What lies beyond x is 0.
// One thread per 4 x 4 block; group.x runs along the rows of memory, the rest across them.
const WG: u32 = 64;
const TRANSPOSED: bool = false;  // x is stored as (k, rows)
const ALIGNED: bool = true;      // every line of x begins with a whole vec4
alias store_t = f32;
alias store_words = vec4u;
struct Dims { rows: u32, k: u32, transposed: u32 }
@group(0) @binding(0) var<storage, read> x: array<store_words>;        // (rows, k), or (k, rows) if transposed
@group(0) @binding(1) var<storage, read_write> y: array<store_words>;  // (ceil(rows / 32), 4 ceil(k / 4), 8)
@group(1) @binding(0) var<uniform> dims: Dims;

fn four(i: u32) -> vec4<store_t> { return bitcast<vec4<store_t>>(x[i]); }
fn words(values: vec4<store_t>) -> store_words { return bitcast<store_words>(values); }

// Four values of one line of x from `first` on.
fn quad(line: u32, first: u32, lines: u32, length: u32) -> vec4<store_t> {
  let inside = vec4<bool>(line < lines) & (first + vec4u(0, 1, 2, 3) < vec4u(length));
  let at = select(0, line * length + first, line < lines);
  if (ALIGNED) { return select(vec4<store_t>(), four(at / 4), inside); }
  let low = four(at / 4);
  let high = four(at / 4 + 1);
  let even = select(low, vec4<store_t>(low.yzw, high.x), at % 2 == 1);
  let odd = select(vec4<store_t>(low.zw, high.xy), vec4<store_t>(low.w, high.xyz), at % 2 == 1);
  return select(vec4<store_t>(), select(even, odd, at % 4 > 1), inside);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let quads = (dims.k + 3) / 4;
  let rowBlocks = (dims.rows + 31) / 32 * 8;
  let along = group.x * WG + local.x;
  let across = group.z * groups.y + group.y;
  let q = select(along, across, TRANSPOSED);
  let rowBlock = select(across, along, TRANSPOSED);
  if (q >= quads || rowBlock >= rowBlocks) { return; }
  let line = 4 * select(rowBlock, q, TRANSPOSED);
  let first = 4 * select(q, rowBlock, TRANSPOSED);
  let lines = select(dims.rows, dims.k, TRANSPOSED);
  let length = select(dims.k, dims.rows, TRANSPOSED);
  var block = mat4x4<store_t>(quad(line, first, lines, length), quad(line + 1, first, lines, length),
    quad(line + 2, first, lines, length), quad(line + 3, first, lines, length));
  if (!TRANSPOSED) { block = transpose(block); }
  let to = (rowBlock / 8 * quads + q) * 32 + rowBlock % 8;
  y[to] = words(block[0]);
  y[to + 8] = words(block[1]);
  y[to + 16] = words(block[2]);
  y[to + 24] = words(block[3]);
}
