// Rows put together from pieces, y = base + pieces; without base (extended 0) just the pieces. Row r is piece 0, then 1, 2, 3; piece k is `length` elements of source k,
// beginning at r * stride + start. stride 0 repeats the same piece in every row; a piece without a source (size 0)
// is zeros. Concatenation, slices, repetition and prompt insertion are this with different numbers.
// Each thread owns PER_THREAD vec4 of y, in steps of the workgroup's width.
const WG: u32 = 32;
const PER_THREAD: u32 = 16;
alias store_t = f32;
struct Dims { rows: u32, width: u32, length0: u32, stride0: u32, start0: u32, size0: u32, length1: u32, stride1: u32, start1: u32, size1: u32, length2: u32, stride2: u32, start2: u32, size2: u32, length3: u32, stride3: u32, start3: u32, size3: u32, extended: u32 }
@group(0) @binding(0) var<storage, read> source0: array<vec4<store_t>>;  // (size0)
@group(0) @binding(1) var<storage, read> source1: array<vec4<store_t>>;  // (size1)
@group(0) @binding(2) var<storage, read> source2: array<vec4<store_t>>;  // (size2)
@group(0) @binding(3) var<storage, read> source3: array<vec4<store_t>>;  // (size3)
@group(0) @binding(4) var<storage, read> base: array<vec4<store_t>>;     // (rows, width), with extended
@group(0) @binding(5) var<storage, read_write> y: array<vec4<store_t>>;  // (rows, width)
@group(1) @binding(0) var<uniform> dims: Dims;

// The element of a piece's source that belongs at column c of row r, if the piece begins at column `begin`.
struct Piece { begin: u32, stride: u32, start: u32, exists: bool }

fn offset(piece: Piece, r: u32, c: u32) -> u32 {
  return r * piece.stride + piece.start + c - piece.begin;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let width = dims.width;
  let p0 = Piece(0, dims.stride0, dims.start0, dims.size0 > 0);
  let p1 = Piece(dims.length0, dims.stride1, dims.start1, dims.size1 > 0);
  let p2 = Piece(p1.begin + dims.length1, dims.stride2, dims.start2, dims.size2 > 0);
  let p3 = Piece(p2.begin + dims.length2, dims.stride3, dims.start3, dims.size3 > 0);
  let aligned = ((width | p0.stride | p0.start | p1.begin | p1.stride | p1.start | p2.begin | p2.stride | p2.start
    | p3.begin | p3.stride | p3.start) & 3) == 0;
  let step = select(1u, 4u, aligned);
  let extended = dims.extended != 0;
  let first = (group.y * groups.x + group.x) * WG * PER_THREAD;
  let end = min(first + WG * PER_THREAD, (dims.rows * width + 3) / 4);
  for (var at = first + local.x; at < end; at += WG) {
    var value = vec4<store_t>();
    // one whole vec4 where everything is aligned, else four elements
    for (var k = 0u; k < 4; k += step) {
      let r = (4 * at + k) / width;
      let c = 4 * at + k - r * width;
      var vector = vec4<store_t>();
      var i = 0u;
      if (c < p1.begin) {
        i = offset(p0, r, c);
        if (p0.exists) { vector = source0[i / 4]; }
      } else if (c < p2.begin) {
        i = offset(p1, r, c);
        if (p1.exists) { vector = source1[i / 4]; }
      } else if (c < p3.begin) {
        i = offset(p2, r, c);
        if (p2.exists) { vector = source2[i / 4]; }
      } else {
        i = offset(p3, r, c);
        if (p3.exists) { vector = source3[i / 4]; }
      }
      if (aligned) { value = vector; } else { value[k] = vector[i % 4]; }
    }
    if (extended) { value = vec4<store_t>(vec4f(value) + vec4f(base[at])); }
    y[at] = value;
  }
}
