// out = tiles x (or out += ...) for each head: rows of out are the tiles' rows, the sum runs over the tiles' inner
// index. dv = p^T dy, dk = ds^T q and dq = ds k are all of this form. One subgroup of 8 per 32 rows x 64 columns,
// everything in registers: a lane holds a vec4 of either half of the columns, of every row. Of two inner indices it
// loads the weights of 4 rows each for all, its columns of x for itself; see matmul/outer.wgsl.
enable subgroups;
const ROWS: u32 = 32;
const STEP: u32 = 4;
const WIDE: bool = true;  // there are more than 32 columns
alias store_t = f32;
alias store_words = vec4u;
struct Dims { batch: u32, heads: u32, headDim: u32, rows: u32, inner: u32, firstHead: u32, countHeads: u32, firstRowTile: u32, rowTiles: u32, firstInnerTile: u32, innerTiles: u32, plane: u32, xOffset: u32, xRow: u32, outOffset: u32, outRow: u32, accumulate: u32 }
@group(0) @binding(0) var<storage, read> tiles: array<store_words>;              // (3, countHeads, rowTiles, innerTiles, 32, 8): 4 rows at an inner index
@group(0) @binding(1) var<storage, read> x: array<store_words>;              // (batch, inner, xRow) from xOffset
@group(0) @binding(2) var<storage, read_write> out: array<store_words>;      // (batch, rows, outRow) from outOffset
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let quads = dims.headDim / 4;
  let rows = dims.rows;
  let inner = dims.inner;
  let xRow = dims.xRow / 4;
  let outRow = dims.outRow / 4;
  let index = dims.firstHead + group.z;
  let head = index % dims.heads;
  let item = index / dims.heads;
  let column = select(8u, 16u, WIDE) * group.y + lane;
  let firstInner = 32 * dims.firstInnerTile;
  let firstRow = group.x * ROWS;
  let tile = ((dims.plane * dims.countHeads + group.z) * dims.rowTiles + group.x) * dims.innerTiles * 256 + lane;
  let xBase = dims.xOffset / 4 + item * inner * xRow + head * quads;
  // columns beyond the head's are computed and not stored
  let left = xBase + min(column, quads - 1);
  let right = xBase + min(column + 8, quads - 1);

  var sums = array<vec4f, ROWS>();
  var more = array<vec4f, ROWS>();
  let steps = (min(inner - firstInner, 32 * dims.innerTiles) + 1) / 2;
  for (var step = 0u; step < steps; step++) {
    let i = tile + step * 16;
    let a0 = four(tiles[i]);
    let a1 = four(tiles[i + 8]);
    // behind the last one the weights are 0
    let row0 = (firstInner + 2 * step) * xRow;
    let row1 = min(firstInner + 2 * step + 1, inner - 1) * xRow;
    let b0 = four(x[left + row0]);
    let b1 = four(x[left + row1]);
    var c0: vec4f;
    var c1: vec4f;
    if (WIDE) {
      c0 = four(x[right + row0]);
      c1 = four(x[right + row1]);
    }
    for (var r = 0u; r < ROWS; r++) {
      let w0 = subgroupShuffle(a0[r % 4], r / 4);
      let w1 = subgroupShuffle(a1[r % 4], r / 4);
      sums[r] += b0 * w0 + b1 * w1;
      if (WIDE) { more[r] += c0 * w0 + c1 * w1; }
    }
  }

  // Stores are large machine code: rows leave at the front, STEP at a time, and the others move up.
  let first = 32 * dims.firstRowTile + firstRow;
  let outBase = dims.outOffset / 4 + item * rows * outRow + head * quads;
  let accumulate = dims.accumulate != 0;
  for (var half = 0u; half < select(1u, 2u, WIDE); half++) {
    let to = column + 8 * half;
    for (var row = first; row < min(first + ROWS, rows); row += STEP) {
      for (var r = 0u; r < STEP; r++) {
        if (row + r < rows && to < quads) {
          let at = outBase + to + (row + r) * outRow;
          out[at] = words(select(vec4f(0), four(out[at]), accumulate) + sums[r]);
        }
      }
      for (var r = 0u; r < ROWS - STEP; r++) { sums[r] = sums[r + STEP]; }
    }
    if (WIDE) { for (var r = 0u; r < ROWS; r++) { sums[r] = more[r]; } }
  }
}
