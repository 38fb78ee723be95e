// dk and dv for at most 48 queries: p = exp(scale * q k^T - lse), dv = (mask * p)^T dy,
// ds = scale * p * (mask * dy v^T - delta), dk = ds^T q, all in the registers of one subgroup of 8 per ROWS keys and 32
// columns. A lane holds queries 4 lane .. 4 lane + 3 and the late queries 32 + 2 lane and 33 + 2 lane of every key.
enable subgroups;
const ROWS: u32 = 16;
const STEP: u32 = 4;
const LATE: bool = true;   // there are more than 32 queries
const DROPS: bool = true;  // there is dropout
const LOG2E: f32 = 1.4426950408889634;
alias store_t = f32;
struct Dims { batch: u32, heads: u32, queries: u32, keys: u32, headDim: u32, qOffset: u32, qRow: u32, kOffset: u32, vOffset: u32, kvRow: u32, scale: f32, causal: u32, threshold: u32, opId: u32, givesK: u32, givesV: u32, together: u32 }
@group(0) @binding(0) var<storage, read> q: array<vec4<store_t>>;           // (batch, queries, qRow) from qOffset
@group(0) @binding(1) var<storage, read> k: array<vec4<store_t>>;           // (batch, keys, kvRow) from kOffset
@group(0) @binding(2) var<storage, read> v: array<vec4<store_t>>;           // (batch, keys, kvRow) from vOffset
@group(0) @binding(3) var<storage, read> dy: array<vec4<store_t>>;          // (batch, queries, heads * headDim)
@group(0) @binding(4) var<storage, read> stats: array<vec2f>;               // (batch, heads, queries): lse, delta
@group(0) @binding(5) var<storage, read> random: array<u32>;                // (4), without dropout unused
@group(0) @binding(6) var<storage, read_write> dk: array<vec4<store_t>>;    // (batch, keys, kvRow) from kOffset
@group(0) @binding(7) var<storage, read_write> dv: array<vec4<store_t>>;    // the same from vOffset; unused if together
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
  let firstKey = group.x * ROWS;
  let ownKey = firstKey + lane;
  let query = 4 * lane + vec4u(0, 1, 2, 3);
  let lateQuery = 32 + 2 * lane + vec2u(0, 1);
  let near = min(query, vec4u(queries - 1));
  let lateNear = min(lateQuery, vec2u(queries - 1));
  let qRows = qBase + near * qRow;
  let qRowsLate = qBase + lateNear * qRow;
  let dyRow = heads * quads;
  let dyBase = item * queries * dyRow + head * quads;
  let dyRows = dyBase + near * dyRow;
  let dyRowsLate = dyBase + lateNear * dyRow;
  // columns beyond the head's are computed twice and stored once
  let column = 8 * group.z + lane;
  let qColumn = qBase + min(column, quads - 1);
  let dyColumn = dyBase + min(column, quads - 1);
  let givesV = dims.givesV != 0;
  let givesK = dims.givesK != 0;
  let together = dims.together != 0;

  var s = array<vec4f, ROWS>();
  var late = array<vec2f, ROWS>();
  for (var c = 0u; c < quads; c++) {
    let b = transpose(mat4x4f(vec4f(q[qRows.x + c]), vec4f(q[qRows.y + c]), vec4f(q[qRows.z + c]), vec4f(q[qRows.w + c])));
    var lateB = mat4x2f();
    if (LATE) { lateB = transpose(mat2x4f(vec4f(q[qRowsLate.x + c]), vec4f(q[qRowsLate.y + c]))); }
    var rows = array<vec4f, ROWS / 8>();
    for (var g = 0u; g < ROWS / 8; g++) { rows[g] = vec4f(k[kBase + min(ownKey + 8 * g, keys - 1) * kvRow + c]); }
    for (var r = 0u; r < ROWS; r++) {
      let a = subgroupShuffle(rows[r / 8], r % 8);
      s[r] += b * a;
      if (LATE) { late[r] += lateB * a; }
    }
  }
  var dp = array<vec4f, ROWS>();
  var lateDp = array<vec2f, ROWS>();
  for (var c = 0u; c < quads; c++) {
    let b = transpose(mat4x4f(vec4f(dy[dyRows.x + c]), vec4f(dy[dyRows.y + c]), vec4f(dy[dyRows.z + c]), vec4f(dy[dyRows.w + c])));
    var lateB = mat4x2f();
    if (LATE) { lateB = transpose(mat2x4f(vec4f(dy[dyRowsLate.x + c]), vec4f(dy[dyRowsLate.y + c]))); }
    var rows = array<vec4f, ROWS / 8>();
    for (var g = 0u; g < ROWS / 8; g++) { rows[g] = vec4f(v[vBase + min(ownKey + 8 * g, keys - 1) * kvRow + c]); }
    for (var r = 0u; r < ROWS; r++) {
      let a = subgroupShuffle(rows[r / 8], r % 8);
      dp[r] += b * a;
      if (LATE) { lateDp[r] += lateB * a; }
    }
  }

  let statBase = group.y * queries;
  let stat0 = stats[statBase + near.x];
  let stat1 = stats[statBase + near.y];
  let stat2 = stats[statBase + near.z];
  let stat3 = stats[statBase + near.w];
  let stat4 = stats[statBase + lateNear.x];
  let stat5 = stats[statBase + lateNear.y];
  let scale = dims.scale;
  let lse = vec4f(stat0.x, stat1.x, stat2.x, stat3.x) * LOG2E;
  let lateLse = vec2f(stat4.x, stat5.x) * LOG2E;
  let delta = vec4f(stat0.y, stat1.y, stat2.y, stat3.y) * scale;
  let lateDelta = vec2f(stat4.y, stat5.y) * scale;
  // one past the last key that each query sees
  let causal = dims.causal != 0;
  let end = select(vec4u(0), select(vec4u(keys), min(vec4u(keys), query + 1), causal), query < vec4u(queries));
  let lateEnd = select(vec2u(0), select(vec2u(keys), min(vec2u(keys), lateQuery + 1), causal), lateQuery < vec2u(queries));
  let threshold = dims.threshold;
  let opId = dims.opId;
  let state = vec4u(random[0], random[1], random[2], 0);
  let keptScale = 1 / (1 - f32(threshold) / 4294967296.0);
  let draws = select(0u, 6u, threshold > 0);
  let maskRow = (keys + 3) / 4;
  // keys go round, 4 at a time
  for (var first = firstKey; first < firstKey + ROWS; first += 4) {
    var mask = array<vec4f, 4>(vec4f(1), vec4f(1), vec4f(1), vec4f(1));
    var lateMask = array<vec2f, 4>(vec2f(1), vec2f(1), vec2f(1), vec2f(1));
    // one query and 4 keys at a time; the masks' components move up
    var draw = (statBase + near) * maskRow + first / 4;
    var lateDraw = (statBase + lateNear) * maskRow + first / 4;
    for (var i = 0u; DROPS && i < draws; i++) {
      let kept = select(vec4f(0), vec4f(keptScale), keep4(state, opId, draw.x, threshold));
      let moved = draw.x;
      draw = vec4u(draw.yzw, lateDraw.x);
      lateDraw = vec2u(lateDraw.y, moved);
      for (var r = 0u; r < 4; r++) {
        mask[r] = vec4f(mask[r].yzw, lateMask[r].x);
        lateMask[r] = vec2f(lateMask[r].y, kept[r]);
      }
    }
    var ps = array<vec4f, 4>();
    var latePs = array<vec2f, 4>();
    var ds = array<vec4f, 4>();
    var lateDs = array<vec2f, 4>();
    for (var r = 0u; r < 4; r++) {
      let p = select(vec4f(0), exp2(s[r] * (scale * LOG2E) - lse), vec4u(first + r) < end);
      var lateP = vec2f();
      if (LATE) { lateP = select(vec2f(0), exp2(late[r] * (scale * LOG2E) - lateLse), vec2u(first + r) < lateEnd); }
      ps[r] = mask[r] * p;
      latePs[r] = lateMask[r] * lateP;
      ds[r] = p * (mask[r] * dp[r] * scale - delta);
      lateDs[r] = lateP * (lateMask[r] * lateDp[r] * scale - lateDelta);
    }
    for (var r = 0u; r < ROWS - 4; r++) {
      s[r] = s[r + 4];
      late[r] = late[r + 4];
      dp[r] = dp[r + 4];
      lateDp[r] = lateDp[r + 4];
    }
    for (var r = 0u; r < 4; r++) {
      s[ROWS - 4 + r] = ps[r];
      late[ROWS - 4 + r] = latePs[r];
      dp[ROWS - 4 + r] = ds[r];
      lateDp[ROWS - 4 + r] = lateDs[r];
    }
  }

  // Stores are large machine code: rows leave at the front, STEP at a time, and the others move up.
  let allSteps = select(min(8u, (queries + 3) / 4), 8u, queries > 32);
  let endRow = min(firstKey + ROWS, keys);
  var steps = select(0u, allSteps, givesV);
  var dvs = array<vec4f, ROWS>();
  for (var i = 0u; i < steps; i++) {
    let at = vec4u(dyColumn) + min(4 * i + vec4u(0, 1, 2, 3), vec4u(queries - 1)) * dyRow;
    let lateAt = vec2u(dyColumn) + min(32 + 2 * i + vec2u(0, 1), vec2u(queries - 1)) * dyRow;
    let b = mat4x4f(vec4f(dy[at.x]), vec4f(dy[at.y]), vec4f(dy[at.z]), vec4f(dy[at.w]));
    var lateB = mat2x4f();
    if (LATE) { lateB = mat2x4f(vec4f(dy[lateAt.x]), vec4f(dy[lateAt.y])); }
    for (var r = 0u; r < ROWS; r++) {
      let p = subgroupShuffle(s[r], i);
      if (LATE) { dvs[r] += b * p + lateB * subgroupShuffle(late[r], i); } else { dvs[r] += b * p; }
    }
  }
  for (var row = firstKey; row < select(firstKey, endRow, givesV); row += STEP) {
    for (var r = 0u; r < STEP; r++) {
      if (row + r < keys && column < quads) {
        let to = vBase + (row + r) * kvRow + column;
        if (together) { dk[to] = vec4<store_t>(dvs[r]); } else { dv[to] = vec4<store_t>(dvs[r]); }
      }
    }
    for (var r = 0u; r < ROWS - STEP; r++) { dvs[r] = dvs[r + STEP]; }
  }
  steps = select(0u, allSteps, givesK);
  var dks = array<vec4f, ROWS>();
  for (var i = 0u; i < steps; i++) {
    let at = vec4u(qColumn) + min(4 * i + vec4u(0, 1, 2, 3), vec4u(queries - 1)) * qRow;
    let lateAt = vec2u(qColumn) + min(32 + 2 * i + vec2u(0, 1), vec2u(queries - 1)) * qRow;
    let b = mat4x4f(vec4f(q[at.x]), vec4f(q[at.y]), vec4f(q[at.z]), vec4f(q[at.w]));
    var lateB = mat2x4f();
    if (LATE) { lateB = mat2x4f(vec4f(q[lateAt.x]), vec4f(q[lateAt.y])); }
    for (var r = 0u; r < ROWS; r++) {
      let p = subgroupShuffle(dp[r], i);
      if (LATE) { dks[r] += b * p + lateB * subgroupShuffle(lateDp[r], i); } else { dks[r] += b * p; }
    }
  }
  for (var row = firstKey; row < select(firstKey, endRow, givesK); row += STEP) {
    for (var r = 0u; r < STEP; r++) {
      if (row + r < keys && column < quads) { dk[kBase + (row + r) * kvRow + column] = vec4<store_t>(dks[r]); }
    }
    for (var r = 0u; r < ROWS - STEP; r++) { dks[r] = dks[r + STEP]; }
  }
}
