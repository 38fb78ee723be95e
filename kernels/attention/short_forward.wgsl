// y = dropout(softmax(scale * q k^T)) v for each head, lse = log(sum(exp(scale * q k^T))) per query, for at most 48
// keys: all scores of a query are in registers at once. One subgroup of 8 per ROWS queries and 32 columns of y. A lane
// holds the scores of keys 4 lane .. 4 lane + 3 and of the late keys 32 + 2 lane and 33 + 2 lane, and one vec4 of y, for
// every row. Loops over ROWS are unrolled by the driver and their arrays become registers.
enable subgroups;
const ROWS: u32 = 16;
const STEP: u32 = 4;
const LATE: bool = true;   // there are more than 32 keys
const DROPS: bool = true;  // there is dropout
const LOWEST: f32 = -1e30;
const LOG2E: f32 = 1.4426950408889634;
alias store_t = f32;
struct Dims { batch: u32, heads: u32, queries: u32, keys: u32, headDim: u32, qOffset: u32, qRow: u32, kOffset: u32, vOffset: u32, kvRow: u32, scale: f32, causal: u32, threshold: u32, opId: u32 }
@group(0) @binding(0) var<storage, read> q: array<vec4<store_t>>;          // (batch, queries, qRow) from qOffset
@group(0) @binding(1) var<storage, read> k: array<vec4<store_t>>;          // (batch, keys, kvRow) from kOffset
@group(0) @binding(2) var<storage, read> v: array<vec4<store_t>>;          // (batch, keys, kvRow) from vOffset
@group(0) @binding(3) var<storage, read> random: array<u32>;               // (4), without dropout unused
@group(0) @binding(4) var<storage, read_write> y: array<vec4<store_t>>;    // (batch, queries, heads * headDim)
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
  let qBase = dims.qOffset / 4 + item * queries * qRow + head * quads;
  let kBase = dims.kOffset / 4 + item * keys * kvRow + head * quads;
  let vBase = dims.vOffset / 4 + item * keys * kvRow + head * quads;
  let firstQuery = group.x * ROWS;
  let ownQuery = firstQuery + lane;
  let key = 4 * lane + vec4u(0, 1, 2, 3);
  let lateKey = 32 + 2 * lane + vec2u(0, 1);
  let kRows = kBase + min(key, vec4u(keys - 1)) * kvRow;
  let kRowsLate = kBase + min(lateKey, vec2u(keys - 1)) * kvRow;
  // columns beyond the head's are computed twice and stored once
  let column = 8 * group.z + lane;
  let vColumn = vBase + min(column, quads - 1);
  let scale = dims.scale * LOG2E;
  let firstLast = select(keys, firstQuery, dims.causal != 0);
  let threshold = dims.threshold;
  let opId = dims.opId;
  let state = vec4u(random[0], random[1], random[2], 0);
  let keptScale = 1 / (1 - f32(threshold) / 4294967296.0);
  let droppingRows = select(0u, ROWS, threshold > 0);
  let maskRow = (keys + 3) / 4;
  let maskBase = (group.y * queries + firstQuery) * maskRow;

  var s = array<vec4f, ROWS>();
  var late = array<vec2f, ROWS>();
  for (var c = 0u; c < quads; c++) {
    let b = transpose(mat4x4f(vec4f(k[kRows.x + c]), vec4f(k[kRows.y + c]), vec4f(k[kRows.z + c]), vec4f(k[kRows.w + c])));
    var lateB = mat4x2f();
    if (LATE) { lateB = transpose(mat2x4f(vec4f(k[kRowsLate.x + c]), vec4f(k[kRowsLate.y + c]))); }
    var rows = array<vec4f, ROWS / 8>();
    for (var g = 0u; g < ROWS / 8; g++) { rows[g] = vec4f(q[qBase + min(ownQuery + 8 * g, queries - 1) * qRow + c]); }
    for (var r = 0u; r < ROWS; r++) {
      let a = subgroupShuffle(rows[r / 8], r % 8);
      s[r] += b * a;
      if (LATE) { late[r] += lateB * a; }
    }
  }

  var high = array<f32, ROWS>();
  var sum = array<f32, ROWS>();
  for (var r = 0u; r < ROWS; r++) {
    let last = min(keys - 1, firstLast + r);
    let t = select(vec4f(LOWEST), s[r] * scale, key <= vec4u(last));
    let lateT = select(vec2f(LOWEST), late[r] * scale, lateKey <= vec2u(last));
    var highest = max(max(t.x, t.y), max(t.z, t.w));
    if (LATE) { highest = max(highest, max(lateT.x, lateT.y)); }
    highest = max(highest, subgroupShuffleXor(highest, 1));
    highest = max(highest, subgroupShuffleXor(highest, 2));
    highest = max(highest, subgroupShuffleXor(highest, 4));
    s[r] = exp2(t - highest);
    if (LATE) { late[r] = exp2(lateT - highest); }
    high[r] = highest;
    // each lane's own share of the sum, added up at the end
    sum[r] = s[r].x + s[r].y + s[r].z + s[r].w + late[r].x + late[r].y;
  }
  // the rows go round, so that the generator is compiled once
  for (var r = 0u; DROPS && r < droppingRows; r++) {
    let draw = maskBase + r * maskRow;
    let pair = keep4(state, opId, draw + 8 + lane / 2, threshold);
    let first = select(vec4f(0), s[0] * keptScale, keep4(state, opId, draw + lane, threshold));
    let lateFirst = select(vec2f(0), late[0] * keptScale, select(pair.xy, pair.zw, lane % 2 != 0));
    for (var i = 0u; i < ROWS - 1; i++) {
      s[i] = s[i + 1];
      late[i] = late[i + 1];
    }
    s[ROWS - 1] = first;
    late[ROWS - 1] = lateFirst;
  }

  let steps = select(min(8u, (keys + 3) / 4), 8u, keys > 32);
  var sums = array<vec4f, ROWS>();
  for (var i = 0u; i < steps; i++) {
    let at = vec4u(vColumn) + min(4 * i + vec4u(0, 1, 2, 3), vec4u(keys - 1)) * kvRow;
    let lateAt = vec2u(vColumn) + min(32 + 2 * i + vec2u(0, 1), vec2u(keys - 1)) * kvRow;
    let b = mat4x4f(vec4f(v[at.x]), vec4f(v[at.y]), vec4f(v[at.z]), vec4f(v[at.w]));
    var lateB = mat2x4f();
    if (LATE) { lateB = mat2x4f(vec4f(v[lateAt.x]), vec4f(v[lateAt.y])); }
    for (var r = 0u; r < ROWS; r++) {
      let p = subgroupShuffle(s[r], i);
      if (LATE) { sums[r] += b * p + lateB * subgroupShuffle(late[r], i); } else { sums[r] += b * p; }
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
        if (column < quads) { y[((item * queries + query) * heads + head) * quads + column] = vec4<store_t>(sums[r] / total); }
        if (column == 0) { lse[group.y * queries + query] = (high[r] + log2(total)) / LOG2E; }
      }
    }
    for (var r = 0u; r < ROWS - STEP; r++) {
      high[r] = high[r + STEP];
      sum[r] = sum[r + STEP];
      sums[r] = sums[r + STEP];
    }
  }
}
