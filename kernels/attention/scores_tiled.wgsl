// Probabilities and score gradients of a block of keys, recomputed from the saved log-sum-exp:
// p = exp(scale * q k^T - lse), mask = dropout's factor, ds = scale * p * (mask * dy v^T - delta). Kept are
// mask * p and ds by key, ds by query, in tiles of 32 x 32, rows side by side. One workgroup of 8 x 8 threads
// per tile; a thread owns 4 keys x 4 queries. Operands wait in workgroup memory as vec4s of what threads own, so that 16
// multiply-adds take two loads.
const CHUNK: u32 = 16;
const LINE: u32 = 9;  // eight vec4s, and one that keeps neighbouring lines in other banks
const LOG2E: f32 = 1.4426950408889634;
alias store_t = f32;
struct Dims { batch: u32, heads: u32, queries: u32, keys: u32, headDim: u32, qOffset: u32, qRow: u32, kOffset: u32, vOffset: u32, kvRow: u32, scale: f32, causal: u32, threshold: u32, opId: u32, firstHead: u32, countHeads: u32, firstKeyTile: u32, keyTiles: u32 }
@group(0) @binding(0) var<storage, read> q: array<store_t>;         // (batch, queries, qRow) from qOffset
@group(0) @binding(1) var<storage, read> k: array<store_t>;         // (batch, keys, kvRow) from kOffset
@group(0) @binding(2) var<storage, read> v: array<store_t>;         // (batch, keys, kvRow) from vOffset
@group(0) @binding(3) var<storage, read> dy: array<store_t>;        // (batch, queries, heads * headDim)
@group(0) @binding(4) var<storage, read> stats: array<vec2f>;       // (batch, heads, queries): lse, delta
@group(0) @binding(5) var<storage, read> random: array<u32>;        // (4), without dropout unused
@group(0) @binding(6) var<storage, read_write> tiles: array<vec4<store_t>>; // (3, countHeads, keyTiles * queryTiles, 32, 8): 4 rows at an inner index
@group(1) @binding(0) var<uniform> dims: Dims;

var<workgroup> kChunk: array<vec4f, CHUNK * LINE>;   // (column, 4 keys)
var<workgroup> vChunk: array<vec4f, CHUNK * LINE>;
var<workgroup> qChunk: array<vec4f, CHUNK * LINE>;   // (column, 4 queries)
var<workgroup> dyChunk: array<vec4f, CHUNK * LINE>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let keys = dims.keys;
  let queries = dims.queries;
  let headDim = dims.headDim;
  let queryTiles = (queries + 31) / 32;
  let index = dims.firstHead + group.y;
  let head = index % dims.heads;
  let item = index / dims.heads;
  let keyTile = group.x / queryTiles;
  let queryTile = group.x % queryTiles;
  let firstKey = 32 * (dims.firstKeyTile + keyTile);
  let firstQuery = 32 * queryTile;
  let width = dims.heads * headDim;
  let qBase = dims.qOffset + item * queries * dims.qRow + head * headDim;
  let kBase = dims.kOffset + item * keys * dims.kvRow + head * headDim;
  let vBase = dims.vOffset + item * keys * dims.kvRow + head * headDim;
  let dyBase = item * queries * width + head * headDim;
  let rowQuad = thread / 8;
  let columnQuad = thread % 8;
  let row = 4 * rowQuad;
  let column = 4 * columnQuad;

  var scores = mat4x4f();
  var dp = mat4x4f();
  for (var d = 0u; d < headDim; d += CHUNK) {
    workgroupBarrier();
    for (var i = thread; i < 8 * CHUNK; i += 64) {
      let c = d + i % CHUNK;
      let first = i / CHUNK * 4;
      var ks = vec4f();
      var vs = vec4f();
      var qs = vec4f();
      var dys = vec4f();
      for (var e = 0u; e < 4; e++) {
        let key = firstKey + first + e;
        let query = firstQuery + first + e;
        if (c < headDim && key < keys) {
          ks[e] = f32(k[kBase + key * dims.kvRow + c]);
          vs[e] = f32(v[vBase + key * dims.kvRow + c]);
        }
        if (c < headDim && query < queries) {
          qs[e] = f32(q[qBase + query * dims.qRow + c]);
          dys[e] = f32(dy[dyBase + query * width + c]);
        }
      }
      let at = i % CHUNK * LINE + i / CHUNK;
      kChunk[at] = ks;
      vChunk[at] = vs;
      qChunk[at] = qs;
      dyChunk[at] = dys;
    }
    workgroupBarrier();
    for (var i = 0u; i < CHUNK; i++) {
      scores += outer(kChunk[i * LINE + rowQuad], qChunk[i * LINE + columnQuad]);
      dp += outer(vChunk[i * LINE + rowQuad], dyChunk[i * LINE + columnQuad]);
    }
  }

  // scores[r][c]: key row + r, query column + c
  let state = dropoutState();
  let keptScale = 1 / (1 - f32(dims.threshold) / 4294967296.0);
  let quads = (keys + 3) / 4;
  for (var c = 0u; c < 4; c++) {
    let query = firstQuery + column + c;
    let place = index * queries + min(query, queries - 1);
    var factors = vec4f(1);
    if (dims.threshold > 0) {
      factors = select(vec4f(0), vec4f(keptScale), keep4(state, dims.opId, place * quads + (firstKey + row) / 4, dims.threshold));
    }
    for (var r = 0u; r < 4; r++) {
      let key = firstKey + row + r;
      let visible = key < keys && query < queries && (dims.causal == 0 || key <= query);
      let p = select(0.0, exp2((scores[r][c] * dims.scale - stats[place].x) * LOG2E), visible);
      scores[r][c] = p * factors[r];
      dp[r][c] = dims.scale * p * (factors[r] * dp[r][c] - stats[place].y);
    }
  }

  let plane = dims.countHeads * dims.keyTiles * queryTiles * 256;
  let start = group.y * dims.keyTiles * queryTiles * 256;
  let byKey = start + (keyTile * queryTiles + queryTile) * 256;
  let byQuery = 2 * plane + start + (queryTile * dims.keyTiles + keyTile) * 256;
  let p = transpose(scores);
  let ds = transpose(dp);
  for (var i = 0u; i < 4; i++) {
    tiles[byKey + (column + i) * 8 + rowQuad] = vec4<store_t>(p[i]);
    tiles[plane + byKey + (column + i) * 8 + rowQuad] = vec4<store_t>(ds[i]);
    tiles[byQuery + (row + i) * 8 + columnQuad] = vec4<store_t>(dp[i]);
  }
}
