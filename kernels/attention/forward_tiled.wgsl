// y = dropout(softmax(scale * q k^T)) v for each head, lse = log(sum(exp(scale * q k^T))) per query. Online softmax
// (Dao et al. 2022, arXiv:2205.14135): no score outlives its tile. One workgroup of 8 x 8 threads per 32 queries;
// a thread owns 4 queries x 4 keys of the scores, and 4 queries x 4 columns of every 32 columns of y. Operands wait in
// workgroup memory as vec4s of what threads own, so that 16 multiply-adds take two loads.
const MAX_CHUNKS: u32 = 4;
const LINE: u32 = 9;  // eight vec4s, and one that keeps neighbouring lines in other banks
const LOWEST: f32 = -1e30;
const LOG2E: f32 = 1.4426950408889634;
alias store_t = f32;
struct Dims { batch: u32, heads: u32, queries: u32, keys: u32, headDim: u32, qOffset: u32, qRow: u32, kOffset: u32, vOffset: u32, kvRow: u32, scale: f32, causal: u32, threshold: u32, opId: u32 }
@group(0) @binding(0) var<storage, read> q: array<store_t>;          // (batch, queries, qRow) from qOffset
@group(0) @binding(1) var<storage, read> k: array<store_t>;          // (batch, keys, kvRow) from kOffset
@group(0) @binding(2) var<storage, read> v: array<store_t>;          // (batch, keys, kvRow) from vOffset
@group(0) @binding(3) var<storage, read> random: array<u32>;         // (4), without dropout unused
@group(0) @binding(4) var<storage, read_write> y: array<store_t>;    // (batch, queries, heads * headDim)
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;      // (batch, heads, queries)
@group(1) @binding(0) var<uniform> dims: Dims;

var<workgroup> left: array<vec4f, 32 * LINE>;     // (column, 4 queries)
var<workgroup> right: array<vec4f, 32 * LINE>;    // (column, 4 keys) of k, (key, 4 columns) of v
var<workgroup> weights: array<vec4f, 32 * LINE>;  // (key, 4 queries)
var<workgroup> partial: array<vec4f, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let keys = dims.keys;
  let queries = dims.queries;
  let headDim = dims.headDim;
  let head = group.y % dims.heads;
  let item = group.y / dims.heads;
  let firstQuery = group.x * 32;
  let qBase = dims.qOffset + item * queries * dims.qRow + head * headDim;
  let kBase = dims.kOffset + item * keys * dims.kvRow + head * headDim;
  let vBase = dims.vOffset + item * keys * dims.kvRow + head * headDim;
  let rowQuad = thread / 8;
  let columnQuad = thread % 8;
  let row = 4 * rowQuad;
  let column = 4 * columnQuad;
  let scale = dims.scale * LOG2E;
  let state = dropoutState();
  let keptScale = 1 / (1 - f32(dims.threshold) / 4294967296.0);

  var high = vec4f(LOWEST);
  var sum = vec4f(0);
  var sums: array<vec4f, 4 * MAX_CHUNKS>;
  let end = select(keys, min(keys, firstQuery + 32), dims.causal != 0);
  for (var firstKey = 0u; firstKey < end; firstKey += 32) {
    var s = mat4x4f();
    for (var d = 0u; d < headDim; d += 32) {
      workgroupBarrier();
      for (var i = thread; i < 256; i += 64) {
        let c = d + i % 32;
        let first = i / 32 * 4;
        var x = vec4f();
        var y = vec4f();
        for (var e = 0u; e < 4; e++) {
          let query = firstQuery + first + e;
          let key = firstKey + first + e;
          if (c < headDim && query < queries) { x[e] = f32(q[qBase + query * dims.qRow + c]); }
          if (c < headDim && key < keys) { y[e] = f32(k[kBase + key * dims.kvRow + c]); }
        }
        left[i % 32 * LINE + i / 32] = x;
        right[i % 32 * LINE + i / 32] = y;
      }
      workgroupBarrier();
      for (var i = 0u; i < 32; i++) { s += outer(left[i * LINE + rowQuad], right[i * LINE + columnQuad]); }
    }
    // s[r][c]: query row + r, key column + c, in units of log2
    for (var r = 0u; r < 4; r++) {
      for (var c = 0u; c < 4; c++) {
        let key = firstKey + column + c;
        let visible = key < keys && (dims.causal == 0 || key <= firstQuery + row + r);
        s[r][c] = select(LOWEST, s[r][c] * scale, visible);
      }
    }
    partial[thread] = vec4f(highest(s[0]), highest(s[1]), highest(s[2]), highest(s[3]));
    workgroupBarrier();
    var newHigh = high;
    for (var i = 0u; i < 8; i++) { newHigh = max(newHigh, partial[2 * row + i]); }
    workgroupBarrier();
    for (var r = 0u; r < 4; r++) {
      s[r] = exp2(s[r] - newHigh[r]);
      partial[thread][r] = dot(s[r], vec4f(1));
      if (dims.threshold > 0) {
        let query = group.y * queries + firstQuery + row + r;
        let kept = keep4(state, dims.opId, query * ((keys + 3) / 4) + (firstKey + column) / 4, dims.threshold);
        s[r] = select(vec4f(0), s[r] * keptScale, kept);
      }
    }
    let turned = transpose(s);
    for (var c = 0u; c < 4; c++) { weights[(column + c) * LINE + rowQuad] = turned[c]; }
    workgroupBarrier();
    let correction = exp2(high - newHigh);
    high = newHigh;
    sum *= correction;
    for (var i = 0u; i < 8; i++) { sum += partial[2 * row + i]; }
    for (var chunk = 0u; chunk < MAX_CHUNKS; chunk++) {
      if (32 * chunk < headDim) {
        workgroupBarrier();
        for (var i = thread; i < 256; i += 64) {
          let key = firstKey + i / 8;
          let first = 32 * chunk + i % 8 * 4;
          var x = vec4f();
          for (var e = 0u; e < 4; e++) {
            if (first + e < headDim && key < keys) { x[e] = f32(v[vBase + key * dims.kvRow + first + e]); }
          }
          right[i / 8 * LINE + i % 8] = x;
        }
        workgroupBarrier();
        var o = mat4x4f();
        for (var i = 0u; i < 32; i++) { o += outer(weights[i * LINE + rowQuad], right[i * LINE + columnQuad]); }
        for (var r = 0u; r < 4; r++) { sums[4 * chunk + r] = sums[4 * chunk + r] * correction[r] + o[r]; }
      }
    }
  }

  for (var r = 0u; r < 4; r++) {
    let query = firstQuery + row + r;
    if (query >= queries) { continue; }
    let base = (item * queries + query) * dims.heads * headDim + head * headDim;
    for (var chunk = 0u; chunk < MAX_CHUNKS; chunk++) {
      for (var c = 0u; c < 4; c++) {
        let at = 32 * chunk + column + c;
        if (at < headDim) { y[base + at] = store_t(sums[4 * chunk + r][c] / sum[r]); }
      }
    }
    if (column == 0) { lse[group.y * queries + query] = (high[r] + log2(sum[r])) / LOG2E; }
  }
}

fn highest(a: vec4f) -> f32 {
  return max(max(a.x, a.y), max(a.z, a.w));
}
