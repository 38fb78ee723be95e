// out = tiles x (or out += ...) for each head: rows of out are the tiles' rows, the sum runs over the tiles'
// inner index. dv = p^T dy, dk = ds^T q and dq = ds k are all of this form. One workgroup of 8 x 8 threads per 32 rows
// x 32 columns; a thread owns 4 x 4. Operands wait in workgroup memory as vec4s of what threads own, so that 16
// multiply-adds take two loads.
const LINE: u32 = 9;  // eight vec4s, and one that keeps neighbouring lines in other banks
alias store_t = f32;
struct Dims { batch: u32, heads: u32, headDim: u32, rows: u32, inner: u32, firstHead: u32, countHeads: u32, firstRowTile: u32, rowTiles: u32, firstInnerTile: u32, innerTiles: u32, plane: u32, xOffset: u32, xRow: u32, outOffset: u32, outRow: u32, accumulate: u32 }
@group(0) @binding(0) var<storage, read> tiles: array<vec4<store_t>>;  // (3, countHeads, rowTiles, innerTiles, 32, 8): 4 rows at an inner index
@group(0) @binding(1) var<storage, read> x: array<store_t>;            // (batch, inner, xRow) from xOffset
@group(0) @binding(2) var<storage, read_write> out: array<store_t>;    // (batch, rows, outRow) from outOffset
@group(1) @binding(0) var<uniform> dims: Dims;

var<workgroup> left: array<vec4f, 32 * LINE>;   // (inner, 4 rows)
var<workgroup> right: array<vec4f, 32 * LINE>;  // (inner, 4 columns)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let headDim = dims.headDim;
  let inner = dims.inner;
  let index = dims.firstHead + group.z;
  let head = index % dims.heads;
  let item = index / dims.heads;
  let firstColumn = 32 * group.y;
  let tile = ((dims.plane * dims.countHeads + group.z) * dims.rowTiles + group.x) * dims.innerTiles * 256;
  let xBase = dims.xOffset + item * inner * dims.xRow + head * headDim;
  let rowQuad = thread / 8;
  let columnQuad = thread % 8;
  let row = 4 * rowQuad;
  let column = 4 * columnQuad;

  var sums = mat4x4f();
  for (var t = 0u; t < dims.innerTiles; t++) {
    let firstInner = 32 * (dims.firstInnerTile + t);
    workgroupBarrier();
    for (var i = thread; i < 256; i += 64) {
      let at = i / 8 * LINE + i % 8;
      let first = firstColumn + i % 8 * 4;
      let source = xBase + (firstInner + i / 8) * dims.xRow + first;
      var y = vec4f();
      for (var e = 0u; e < 4; e++) {
        if (first + e < headDim && firstInner + i / 8 < inner) { y[e] = f32(x[source + e]); }
      }
      left[at] = vec4f(tiles[tile + 256 * t + i]);
      right[at] = y;
    }
    workgroupBarrier();
    for (var i = 0u; i < 32; i++) { sums += outer(left[i * LINE + rowQuad], right[i * LINE + columnQuad]); }
  }

  for (var r = 0u; r < 4; r++) {
    let outRow = 32 * (dims.firstRowTile + group.x) + row + r;
    if (outRow >= dims.rows) { continue; }
    let base = dims.outOffset + (item * dims.rows + outRow) * dims.outRow + head * headDim;
    for (var c = 0u; c < 4; c++) {
      let at = firstColumn + column + c;
      if (at >= headDim) { continue; }
      let before = select(0.0, f32(out[base + at]), dims.accumulate != 0);
      out[base + at] = store_t(before + sums[r][c]);
    }
  }
}
