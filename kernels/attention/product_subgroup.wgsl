// out = tiles x (or out += ...) for each head: rows of out are the tiles' rows, the sum runs over the tiles'
// columns. dv = p^T dy, dk = ds^T q and dq = ds k are all of this form. One subgroup of 8 per ROWS rows x 32 columns,
// everything in registers: a lane holds one vec4 of columns of every row.
enable subgroups;
const ROWS: u32 = 32;
const STEP: u32 = 4;
alias store_t = f32;
alias store_words = vec4u;
struct Dims { batch: u32, heads: u32, headDim: u32, rows: u32, inner: u32, firstHead: u32, countHeads: u32, firstRowTile: u32, rowTiles: u32, firstInnerTile: u32, innerTiles: u32, plane: u32, xOffset: u32, xRow: u32, outOffset: u32, outRow: u32, accumulate: u32 }
@group(0) @binding(0) var<storage, read> tiles: array<store_words>;              // (3, countHeads, rowTiles, innerTiles, 8, 32): 4 columns of a row
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
  let column = 8 * group.y + lane;
  let firstInner = 32 * dims.firstInnerTile;
  let firstRow = group.x * ROWS;
  let tileRow = firstRow / 32;
  let tile = ((dims.plane * dims.countHeads + group.z) * dims.rowTiles + tileRow) * dims.innerTiles * 256 + firstRow % 32 + lane;
  let xBase = dims.xOffset / 4 + item * inner * xRow + head * quads + min(column, quads - 1);
  let xLast = vec4u(xBase + (inner - 1) * xRow);
  let xSteps = vec4u(0, xRow, 2 * xRow, 3 * xRow);

  var sums = array<vec4f, ROWS>();
  let steps = (min(inner - firstInner, 32 * dims.innerTiles) + 3) / 4;
  for (var step = 0u; step < steps; step++) {
    let at = min(xBase + (firstInner + 4 * step) * xRow + xSteps, xLast);
    let b = mat4x4f(four(x[at.x]), four(x[at.y]), four(x[at.z]), four(x[at.w]));
    let source = tile + step * 32;
    var weights = array<vec4f, ROWS / 8>();
    for (var g = 0u; g < ROWS / 8; g++) { weights[g] = four(tiles[source + 8 * g]); }
    for (var r = 0u; r < ROWS; r++) {
      let a = subgroupShuffle(weights[r / 8], r % 8);
      sums[r] += b * a;
    }
  }

  // Stores are large machine code: rows leave at the front, STEP at a time, and the others move up.
  let first = 32 * dims.firstRowTile + firstRow;
  let outBase = dims.outOffset / 4 + item * rows * outRow + head * quads + column;
  let accumulate = dims.accumulate != 0;
  for (var row = first; row < min(first + ROWS, rows); row += STEP) {
    for (var r = 0u; r < STEP; r++) {
      if (row + r < rows && column < quads) {
        let to = outBase + (row + r) * outRow;
        out[to] = words(select(vec4f(0), four(out[to]), accumulate) + sums[r]);
      }
    }
    for (var r = 0u; r < ROWS - STEP; r++) { sums[r] = sums[r + STEP]; }
  }
}
