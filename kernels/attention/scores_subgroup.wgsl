// Probabilities and score gradients of a block of keys, recomputed from the saved log-sum-exp:
// p = exp(scale * q k^T - lse), mask = dropout's factor, ds = scale * p * (mask * dy v^T - delta). Kept are
// mask * p and ds by key, ds by query, in tiles of 32 x 32, rows side by side. One subgroup of 8 per ROWS keys
// x 32 queries of a tile, everything in registers: a lane holds queries 4 lane .. 4 lane + 3 of every key.
enable subgroups;
const ROWS: u32 = 32;
const STEP: u32 = 4;
const DROPS: bool = true;  // without dropout its code is left out: even a loop of no steps is run through once
const LOG2E: f32 = 1.4426950408889634;
alias store_t = f32;
alias store_words = vec4u;
struct Dims { batch: u32, heads: u32, queries: u32, keys: u32, headDim: u32, qOffset: u32, qRow: u32, kOffset: u32, vOffset: u32, kvRow: u32, scale: f32, causal: u32, threshold: u32, opId: u32, firstHead: u32, countHeads: u32, firstKeyTile: u32, keyTiles: u32 }
@group(0) @binding(0) var<storage, read> q: array<store_words>;           // (batch, queries, qRow) from qOffset
@group(0) @binding(1) var<storage, read> k: array<store_words>;           // (batch, keys, kvRow) from kOffset
@group(0) @binding(2) var<storage, read> v: array<store_words>;           // (batch, keys, kvRow) from vOffset
@group(0) @binding(3) var<storage, read> dy: array<store_words>;          // (batch, queries, heads * headDim)
@group(0) @binding(4) var<storage, read> stats: array<vec2f>;             // (batch, heads, queries): lse, delta
@group(0) @binding(5) var<storage, read> random: array<u32>;              // (4), without dropout unused
@group(0) @binding(6) var<storage, read_write> tiles: array<store_words>;    // (3, countHeads, keyTiles * queryTiles, 32, 8): 4 rows at an inner index
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let keys = dims.keys;
  let queries = dims.queries;
  let heads = dims.heads;
  let quads = dims.headDim / 4;
  let qRow = dims.qRow / 4;
  let kvRow = dims.kvRow / 4;
  let keyTiles = dims.keyTiles;
  let queryTiles = (queries + 31) / 32;
  let index = dims.firstHead + group.y;
  let head = index % heads;
  let item = index / heads;
  let rowBlock = group.x / queryTiles;
  let queryTile = group.x % queryTiles;
  let firstRow = rowBlock * ROWS;
  let firstKey = 32 * dims.firstKeyTile + firstRow;
  let query = vec4u(32 * queryTile + 4 * lane) + vec4u(0, 1, 2, 3);
  let near = min(query, vec4u(queries - 1));

  let qRows = vec4u(dims.qOffset / 4 + head * quads) + (item * queries + near) * qRow;
  let dyRows = ((item * queries + near) * heads + head) * quads;
  let kBase = dims.kOffset / 4 + item * keys * kvRow + head * quads;
  let vBase = dims.vOffset / 4 + item * keys * kvRow + head * quads;
  let ownKey = firstKey + lane;
  // a block behind the last key, or wholly hidden, holds zeros
  let hidden = firstKey >= keys || (dims.causal != 0 && firstKey > 32 * queryTile + 31);
  let columns = select(quads, 0u, hidden);

  var s = array<vec4f, ROWS>();
  for (var c = 0u; c < columns; c++) {
    let b = transpose(mat4x4f(four(q[qRows.x + c]), four(q[qRows.y + c]), four(q[qRows.z + c]), four(q[qRows.w + c])));
    var rows = array<vec4f, ROWS / 8>();
    for (var g = 0u; g < ROWS / 8; g++) { rows[g] = four(k[kBase + min(ownKey + 8 * g, keys - 1) * kvRow + c]); }
    for (var r = 0u; r < ROWS; r++) {
      let a = subgroupShuffle(rows[r / 8], r % 8);
      s[r] += b * a;
    }
  }
  var dp = array<vec4f, ROWS>();
  for (var c = 0u; c < columns; c++) {
    let b = transpose(mat4x4f(four(dy[dyRows.x + c]), four(dy[dyRows.y + c]), four(dy[dyRows.z + c]), four(dy[dyRows.w + c])));
    var rows = array<vec4f, ROWS / 8>();
    for (var g = 0u; g < ROWS / 8; g++) { rows[g] = four(v[vBase + min(ownKey + 8 * g, keys - 1) * kvRow + c]); }
    for (var r = 0u; r < ROWS; r++) {
      let a = subgroupShuffle(rows[r / 8], r % 8);
      dp[r] += b * a;
    }
  }

  let place = index * queries + near;
  let stat0 = stats[place.x];
  let stat1 = stats[place.y];
  let stat2 = stats[place.z];
  let stat3 = stats[place.w];
  let scale = dims.scale;
  let lse = vec4f(stat0.x, stat1.x, stat2.x, stat3.x) * LOG2E;
  let delta = vec4f(stat0.y, stat1.y, stat2.y, stat3.y) * scale;
  // one past the last key that each query sees
  let end = select(vec4u(0), select(vec4u(keys), min(vec4u(keys), query + 1), dims.causal != 0), query < vec4u(queries));
  let threshold = dims.threshold;
  let opId = dims.opId;
  let state = vec4u(random[0], random[1], random[2], 0);
  let keptScale = 1 / (1 - f32(threshold) / 4294967296.0);
  let maskRow = (keys + 3) / 4;

  let plane = dims.countHeads * keyTiles * queryTiles * 256;
  let keyTile = firstRow / 32;
  let start = group.y * keyTiles * queryTiles * 256;
  let byKey = start + (keyTile * queryTiles + queryTile) * 256 + 32 * lane + firstRow % 32 / 4;
  let byQuery = 2 * plane + start + (queryTile * keyTiles + keyTile) * 256 + lane + firstRow % 32 * 8;
  // Stores are large machine code: keys leave at the front, STEP at a time, and the others move up.
  for (var first = 0u; first < ROWS; first += STEP) {
    var mask = array<vec4f, STEP>();
    for (var r = 0u; r < STEP; r++) { mask[r] = vec4f(1); }
    // one query and 4 keys at a time, keys first; masks go round and their components move up
    var draw = place * maskRow + (firstKey + first) / 4;
    if (DROPS) {
      for (var i = 0u; i < STEP; i++) {
        let kept = select(vec4f(0), vec4f(keptScale), keep4(state, opId, draw.x + i % (STEP / 4), threshold));
        draw = select(draw, draw.yzwx, (i + 1) % (STEP / 4) == 0);
        let rows = array<vec4f, 4>(vec4f(mask[0].yzw, kept.x), vec4f(mask[1].yzw, kept.y), vec4f(mask[2].yzw, kept.z), vec4f(mask[3].yzw, kept.w));
        for (var r = 0u; r < STEP - 4; r++) { mask[r] = mask[r + 4]; }
        for (var r = 0u; r < 4; r++) { mask[STEP - 4 + r] = rows[r]; }
      }
    }
    var p = array<vec4f, STEP>();
    var ds = array<vec4f, STEP>();
    for (var r = 0u; r < STEP; r++) {
      let visible = vec4u(firstKey + first + r) < end;
      p[r] = select(vec4f(0), exp2(s[r] * (scale * LOG2E) - lse), visible);
      ds[r] = p[r] * (mask[r] * dp[r] * scale - delta);
      p[r] *= mask[r];
      tiles[byQuery + (first + r) * 8] = words(ds[r]);
    }
    for (var h = 0u; h < STEP; h += 4) {
      let pTurned = transpose(mat4x4f(p[h], p[h + 1], p[h + 2], p[h + 3]));
      let dsTurned = transpose(mat4x4f(ds[h], ds[h + 1], ds[h + 2], ds[h + 3]));
      let at = byKey + (first + h) / 4;
      for (var i = 0u; i < 4; i++) {
        tiles[at + 8 * i] = words(pTurned[i]);
        tiles[plane + at + 8 * i] = words(dsTurned[i]);
      }
    }
    for (var r = 0u; r < ROWS - STEP; r++) {
      s[r] = s[r + STEP];
      dp[r] = dp[r + STEP];
    }
  }
}
