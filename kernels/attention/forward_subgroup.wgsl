// y = dropout(softmax(scale * q k^T)) v for each head, lse = log(sum(exp(scale * q k^T))) per query. Online softmax
// (Dao et al. 2022, arXiv:2205.14135) in the registers of one subgroup of 8: no workgroup memory, no barrier.
// One subgroup per ROWS queries and 64 columns of y. Of the scores of 32 keys a lane holds keys 4 lane .. 4 lane + 3
// of every row; of y it holds two vec4 of every row. Every vec4 load serves ROWS or 32 columns, since on a software
// adapter loads cost more than arithmetic. Loops over ROWS are unrolled by the driver and their arrays become registers.
enable subgroups;
const ROWS: u32 = 32;
const STEP: u32 = 4;
const LOWEST: f32 = -1e30;
const LOG2E: f32 = 1.4426950408889634;
alias store_t = f32;
alias store_words = vec4u;
struct Dims { batch: u32, heads: u32, queries: u32, keys: u32, headDim: u32, qOffset: u32, qRow: u32, kOffset: u32, vOffset: u32, kvRow: u32, scale: f32, causal: u32, threshold: u32, opId: u32 }
@group(0) @binding(0) var<storage, read> q: array<store_words>;            // (batch, queries, qRow) from qOffset
@group(0) @binding(1) var<storage, read> k: array<store_words>;            // (batch, keys, kvRow) from kOffset
@group(0) @binding(2) var<storage, read> v: array<store_words>;            // (batch, keys, kvRow) from vOffset
@group(0) @binding(3) var<storage, read> random: array<u32>;               // (4), without dropout unused
@group(0) @binding(4) var<storage, read_write> y: array<store_words>;      // (batch, queries, heads * headDim)
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;            // (batch, heads, queries)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let keys = dims.keys;
  let queries = dims.queries;
  let heads = dims.heads;
  let quads = dims.headDim / 4;
  let qRow = dims.qRow / 4;
  let kvRow = dims.kvRow / 4;
  let head = group.y % heads;
  let item = group.y / heads;
  let firstQuery = group.x * ROWS;
  let kBase = dims.kOffset / 4 + item * keys * kvRow + head * quads;
  let vBase = dims.vOffset / 4 + item * keys * kvRow + head * quads;
  let qBase = dims.qOffset / 4 + item * queries * qRow + head * quads;
  let ownQuery = firstQuery + lane;
  // columns beyond the head's are computed twice and stored once
  let column0 = 16 * group.z + lane;
  let column1 = column0 + 8;
  let load0 = vBase + min(column0, quads - 1);
  let load1 = vBase + min(column1, quads - 1);
  let scale = dims.scale * LOG2E;
  let causal = dims.causal != 0;
  let end = select(keys, min(keys, firstQuery + ROWS), causal);
  let firstLast = select(keys, firstQuery, causal);
  let threshold = dims.threshold;
  let opId = dims.opId;
  let state = vec4u(random[0], random[1], random[2], 0);
  let keptScale = 1 / (1 - f32(threshold) / 4294967296.0);
  let droppingRows = select(0u, ROWS, threshold > 0);
  let maskRow = (keys + 3) / 4;
  let maskBase = (group.y * queries + firstQuery) * maskRow + lane;

  var high = array<f32, ROWS>();
  var sum = array<f32, ROWS>();
  var y0 = array<vec4f, ROWS>();
  var y1 = array<vec4f, ROWS>();
  for (var r = 0u; r < ROWS; r++) { high[r] = LOWEST; }
  for (var firstKey = 0u; firstKey < end; firstKey += 32) {
    let key = firstKey + 4 * lane;
    let row0 = kBase + min(key, keys - 1) * kvRow;
    let row1 = kBase + min(key + 1, keys - 1) * kvRow;
    let row2 = kBase + min(key + 2, keys - 1) * kvRow;
    let row3 = kBase + min(key + 3, keys - 1) * kvRow;
    var s = array<vec4f, ROWS>();
    for (var c = 0u; c < quads; c++) {
      let b = transpose(mat4x4f(four(k[row0 + c]), four(k[row1 + c]), four(k[row2 + c]), four(k[row3 + c])));
      var rows = array<vec4f, ROWS / 8>();
      for (var g = 0u; g < ROWS / 8; g++) { rows[g] = four(q[qBase + min(ownQuery + 8 * g, queries - 1) * qRow + c]); }
      for (var r = 0u; r < ROWS; r++) {
        let a = subgroupShuffle(rows[r / 8], r % 8);
        s[r] += b * a;
      }
    }

    let lane4 = vec4u(key, key + 1, key + 2, key + 3);
    for (var r = 0u; r < ROWS; r++) {
      let visible = lane4 <= vec4u(min(keys - 1, firstLast + r));
      let t = select(vec4f(LOWEST), s[r] * scale, visible);
      var highest = max(max(t.x, t.y), max(t.z, t.w));
      highest = max(highest, subgroupShuffleXor(highest, 1));
      highest = max(highest, subgroupShuffleXor(highest, 2));
      highest = max(highest, subgroupShuffleXor(highest, 4));
      highest = max(high[r], highest);
      let correction = exp2(high[r] - highest);
      s[r] = exp2(t - highest);
      high[r] = highest;
      // each lane's own share of the sum, added up at the end
      sum[r] = sum[r] * correction + s[r].x + s[r].y + s[r].z + s[r].w;
      y0[r] *= correction;
      y1[r] *= correction;
    }
    // The rows go round, so that the generator is compiled once. Leaving this out where nothing is dropped makes
    // lavapipe a quarter slower: its compiler then keeps scores in registers that the loads above run short of.
    for (var r = 0u; r < droppingRows; r++) {
      let kept = keep4(state, opId, maskBase + r * maskRow + firstKey / 4, threshold);
      let first = select(vec4f(0), s[0] * keptScale, kept);
      for (var i = 0u; i < ROWS - 1; i++) { s[i] = s[i + 1]; }
      s[ROWS - 1] = first;
    }

    let steps = min(8u, (keys - firstKey + 3) / 4);
    for (var i = 0u; i < steps; i++) {
      let at = vec4u(load0) + min(firstKey + 4 * i + vec4u(0, 1, 2, 3), vec4u(keys - 1)) * kvRow;
      let b = mat4x4f(four(v[at.x]), four(v[at.y]), four(v[at.z]), four(v[at.w]));
      for (var r = 0u; r < ROWS; r++) {
        let p = subgroupShuffle(s[r], i);
        y0[r] += b * p;
      }
    }
    let moreSteps = select(0u, steps, quads > 16 * group.z + 8);
    for (var i = 0u; i < moreSteps; i++) {
      let at = vec4u(load1) + min(firstKey + 4 * i + vec4u(0, 1, 2, 3), vec4u(keys - 1)) * kvRow;
      let b = mat4x4f(four(v[at.x]), four(v[at.y]), four(v[at.z]), four(v[at.w]));
      for (var r = 0u; r < ROWS; r++) {
        let p = subgroupShuffle(s[r], i);
        y1[r] += b * p;
      }
    }
  }

  // Stores are large machine code: rows leave at the front, STEP at a time, and the others move up.
  for (var first = firstQuery; first < min(firstQuery + ROWS, queries); first += STEP) {
    for (var r = 0u; r < STEP; r++) {
      var total = sum[r];
      total += subgroupShuffleXor(total, 1);
      total += subgroupShuffleXor(total, 2);
      total += subgroupShuffleXor(total, 4);
      let query = first + r;
      if (query < queries) {
        let base = ((item * queries + query) * heads + head) * quads;
        if (column0 < quads) { y[base + column0] = words(y0[r] / total); }
        if (column1 < quads) { y[base + column1] = words(y1[r] / total); }
        if (column0 == 0) { lse[group.y * queries + query] = (high[r] + log2(total)) / LOG2E; }
      }
    }
    for (var r = 0u; r < ROWS - STEP; r++) {
      high[r] = high[r + STEP];
      sum[r] = sum[r + STEP];
      y0[r] = y0[r + STEP];
      y1[r] = y1[r + STEP];
    }
  }
}
