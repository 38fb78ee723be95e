// dq and the stats of every query, for at most 48 keys: p = exp(scale * q k^T - lse), dp = mask * dy v^T,
// delta = sum of p * dp over keys, ds = scale * p * (dp - delta), dq = ds k, all in the registers of one subgroup of 8
// per ROWS queries and 32 columns of dq. A lane holds keys 4 lane .. 4 lane + 3 and the late keys 32 + 2 lane and
// 33 + 2 lane of every row.
enable subgroups;
const ROWS: u32 = 16;
const STEP: u32 = 4;
const LATE: bool = true;   // there are more than 32 keys
const DROPS: bool = true;  // there is dropout
const LOG2E: f32 = 1.4426950408889634;
alias store_t = f32;
struct Dims { batch: u32, heads: u32, queries: u32, keys: u32, headDim: u32, qOffset: u32, qRow: u32, kOffset: u32, vOffset: u32, kvRow: u32, scale: f32, causal: u32, threshold: u32, opId: u32 }
@group(0) @binding(0) var<storage, read> q: array<vec4<store_t>>;           // (batch, queries, qRow) from qOffset
@group(0) @binding(1) var<storage, read> k: array<vec4<store_t>>;           // (batch, keys, kvRow) from kOffset
@group(0) @binding(2) var<storage, read> v: array<vec4<store_t>>;           // (batch, keys, kvRow) from vOffset
@group(0) @binding(3) var<storage, read> dy: array<vec4<store_t>>;          // (batch, queries, heads * headDim)
@group(0) @binding(4) var<storage, read> lse: array<f32>;                   // (batch, heads, queries)
@group(0) @binding(5) var<storage, read> random: array<u32>;                // (4), without dropout unused
@group(0) @binding(6) var<storage, read_write> dq: array<vec4<store_t>>;    // (batch, queries, qRow) from qOffset
@group(0) @binding(7) var<storage, read_write> stats: array<vec2f>;         // (batch, heads, queries): lse, delta
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
  let vRows = vBase + min(key, vec4u(keys - 1)) * kvRow;
  let vRowsLate = vBase + min(lateKey, vec2u(keys - 1)) * kvRow;
  let dyRow = heads * quads;
  let dyBase = item * queries * dyRow + head * quads;
  // columns beyond the head's are computed twice and stored once
  let column = 8 * group.z + lane;
  let kColumn = kBase + min(column, quads - 1);
  let scale = dims.scale;
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
  var dp = array<vec4f, ROWS>();
  var lateDp = array<vec2f, ROWS>();
  for (var c = 0u; c < quads; c++) {
    let b = transpose(mat4x4f(vec4f(v[vRows.x + c]), vec4f(v[vRows.y + c]), vec4f(v[vRows.z + c]), vec4f(v[vRows.w + c])));
    var lateB = mat4x2f();
    if (LATE) { lateB = transpose(mat2x4f(vec4f(v[vRowsLate.x + c]), vec4f(v[vRowsLate.y + c]))); }
    var rows = array<vec4f, ROWS / 8>();
    for (var g = 0u; g < ROWS / 8; g++) { rows[g] = vec4f(dy[dyBase + min(ownQuery + 8 * g, queries - 1) * dyRow + c]); }
    for (var r = 0u; r < ROWS; r++) {
      let a = subgroupShuffle(rows[r / 8], r % 8);
      dp[r] += b * a;
      if (LATE) { lateDp[r] += lateB * a; }
    }
  }
  // the rows go round, so that the generator is compiled once
  for (var r = 0u; DROPS && r < droppingRows; r++) {
    let draw = maskBase + r * maskRow;
    let pair = keep4(state, opId, draw + 8 + lane / 2, threshold);
    let first = select(vec4f(0), dp[0] * keptScale, keep4(state, opId, draw + lane, threshold));
    let lateFirst = select(vec2f(0), lateDp[0] * keptScale, select(pair.xy, pair.zw, lane % 2 != 0));
    for (var i = 0u; i < ROWS - 1; i++) {
      dp[i] = dp[i + 1];
      lateDp[i] = lateDp[i + 1];
    }
    dp[ROWS - 1] = first;
    lateDp[ROWS - 1] = lateFirst;
  }

  var own = array<f32, ROWS / 8>();
  for (var g = 0u; g < ROWS / 8; g++) { own[g] = lse[group.y * queries + min(ownQuery + 8 * g, queries - 1)] * LOG2E; }
  var deltas = array<f32, ROWS>();
  for (var r = 0u; r < ROWS; r++) {
    let last = min(keys - 1, firstLast + r);
    let high = subgroupShuffle(own[r / 8], r % 8);
    let p = select(vec4f(0), exp2(s[r] * (scale * LOG2E) - high), key <= vec4u(last));
    var lateP = vec2f();
    if (LATE) { lateP = select(vec2f(0), exp2(late[r] * (scale * LOG2E) - high), lateKey <= vec2u(last)); }
    var delta = dot(p, dp[r]) + dot(lateP, lateDp[r]);
    delta += subgroupShuffleXor(delta, 1);
    delta += subgroupShuffleXor(delta, 2);
    delta += subgroupShuffleXor(delta, 4);
    deltas[r] = delta;
    s[r] = p * (dp[r] - delta) * scale;
    late[r] = lateP * (lateDp[r] - delta) * scale;
  }

  let steps = select(min(8u, (keys + 3) / 4), 8u, keys > 32);
  var sums = array<vec4f, ROWS>();
  for (var i = 0u; i < steps; i++) {
    let at = vec4u(kColumn) + min(4 * i + vec4u(0, 1, 2, 3), vec4u(keys - 1)) * kvRow;
    let lateAt = vec2u(kColumn) + min(32 + 2 * i + vec2u(0, 1), vec2u(keys - 1)) * kvRow;
    let b = mat4x4f(vec4f(k[at.x]), vec4f(k[at.y]), vec4f(k[at.z]), vec4f(k[at.w]));
    var lateB = mat2x4f();
    if (LATE) { lateB = mat2x4f(vec4f(k[lateAt.x]), vec4f(k[lateAt.y])); }
    for (var r = 0u; r < ROWS; r++) {
      let p = subgroupShuffle(s[r], i);
      if (LATE) { sums[r] += b * p + lateB * subgroupShuffle(late[r], i); } else { sums[r] += b * p; }
    }
  }

  // Stores are large machine code: rows leave at the front, STEP at a time, and the others move up.
  for (var first = firstQuery; first < min(firstQuery + ROWS, queries); first += STEP) {
    for (var r = 0u; r < STEP; r++) {
      let query = first + r;
      if (query < queries) {
        if (column < quads) { dq[qBase + query * qRow + column] = vec4<store_t>(sums[r]); }
        let place = group.y * queries + query;
        if (column == 0) { stats[place] = vec2f(lse[place], deltas[r]); }
      }
    }
    for (var r = 0u; r < ROWS - STEP; r++) {
      deltas[r] = deltas[r + STEP];
      sums[r] = sums[r + STEP];
    }
  }
}
