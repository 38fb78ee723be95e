// dq and the stats of every query, for at most 48 keys: p = exp(scale * q k^T - lse), dp = mask * dy v^T,
// delta = sum of p * dp over keys, ds = scale * p * (dp - delta), dq = ds k. One thread per head and query.
const WG: u32 = 64;
const MOST: u32 = 48;
alias store_t = f32;
struct Dims { batch: u32, heads: u32, queries: u32, keys: u32, headDim: u32, qOffset: u32, qRow: u32, kOffset: u32, vOffset: u32, kvRow: u32, scale: f32, causal: u32, threshold: u32, opId: u32 }
@group(0) @binding(0) var<storage, read> q: array<store_t>;           // (batch, queries, qRow) from qOffset
@group(0) @binding(1) var<storage, read> k: array<store_t>;           // (batch, keys, kvRow) from kOffset
@group(0) @binding(2) var<storage, read> v: array<store_t>;           // (batch, keys, kvRow) from vOffset
@group(0) @binding(3) var<storage, read> dy: array<store_t>;          // (batch, queries, heads * headDim)
@group(0) @binding(4) var<storage, read> lse: array<f32>;             // (batch, heads, queries)
@group(0) @binding(5) var<storage, read> random: array<u32>;          // (4), without dropout unused
@group(0) @binding(6) var<storage, read_write> dq: array<store_t>;    // (batch, queries, qRow) from qOffset
@group(0) @binding(7) var<storage, read_write> stats: array<vec2f>;   // (batch, heads, queries): lse, delta
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let place = (group.y * groups.x + group.x) * WG + local.x;
  if (place >= dims.batch * dims.heads * dims.queries) { return; }
  let query = place % dims.queries;
  let head = place / dims.queries % dims.heads;
  let item = place / dims.queries / dims.heads;
  let columns = dims.headDim;
  let qBase = dims.qOffset + (item * dims.queries + query) * dims.qRow + head * columns;
  let kBase = dims.kOffset + item * dims.keys * dims.kvRow + head * columns;
  let vBase = dims.vOffset + item * dims.keys * dims.kvRow + head * columns;
  let dyBase = ((item * dims.queries + query) * dims.heads + head) * columns;
  let end = select(dims.keys, query + 1, dims.causal != 0);
  let maskBase = place * 4 * ((dims.keys + 3) / 4);
  let keptScale = 1 / (1 - f32(dims.threshold) / 4294967296.0);

  var ds: array<f32, MOST>;
  var ps: array<f32, MOST>;
  var delta = 0.0;
  for (var j = 0u; j < end; j++) {
    var s = 0.0;
    var dp = 0.0;
    for (var c = 0u; c < columns; c++) {
      s += f32(q[qBase + c]) * f32(k[kBase + j * dims.kvRow + c]);
      dp += f32(dy[dyBase + c]) * f32(v[vBase + j * dims.kvRow + c]);
    }
    if (dims.threshold > 0) {
      let kept = keep(vec4u(random[0], random[1], random[2], 0), dims.opId, maskBase + j, dims.threshold);
      dp *= select(0, keptScale, kept);
    }
    ps[j] = exp(s * dims.scale - lse[place]);
    ds[j] = dp;
    delta += ps[j] * dp;
  }
  for (var c = 0u; c < columns; c++) {
    var sum = 0.0;
    for (var j = 0u; j < end; j++) { sum += ps[j] * (ds[j] - delta) * f32(k[kBase + j * dims.kvRow + c]); }
    dq[qBase + c] = store_t(sum * dims.scale);
  }
  stats[place] = vec2f(lse[place], delta);
}
