// dk and dv for at most 48 queries: p = exp(scale * q k^T - lse), dv = (mask * p)^T dy,
// ds = scale * p * (mask * dy v^T - delta), dk = ds^T q. One thread per head and key.
const WG: u32 = 64;
const MOST: u32 = 48;
alias store_t = f32;
struct Dims { batch: u32, heads: u32, queries: u32, keys: u32, headDim: u32, qOffset: u32, qRow: u32, kOffset: u32, vOffset: u32, kvRow: u32, scale: f32, causal: u32, threshold: u32, opId: u32, givesK: u32, givesV: u32, together: u32 }
@group(0) @binding(0) var<storage, read> q: array<store_t>;           // (batch, queries, qRow) from qOffset
@group(0) @binding(1) var<storage, read> k: array<store_t>;           // (batch, keys, kvRow) from kOffset
@group(0) @binding(2) var<storage, read> v: array<store_t>;           // (batch, keys, kvRow) from vOffset
@group(0) @binding(3) var<storage, read> dy: array<store_t>;          // (batch, queries, heads * headDim)
@group(0) @binding(4) var<storage, read> stats: array<vec2f>;         // (batch, heads, queries): lse, delta
@group(0) @binding(5) var<storage, read> random: array<u32>;          // (4), without dropout unused
@group(0) @binding(6) var<storage, read_write> dk: array<store_t>;    // (batch, keys, kvRow) from kOffset
@group(0) @binding(7) var<storage, read_write> dv: array<store_t>;    // the same from vOffset; unused if together
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let place = (group.y * groups.x + group.x) * WG + local.x;
  if (place >= dims.batch * dims.heads * dims.keys) { return; }
  let key = place % dims.keys;
  let index = place / dims.keys;
  let head = index % dims.heads;
  let item = index / dims.heads;
  let columns = dims.headDim;
  let dyRow = dims.heads * columns;
  let qBase = dims.qOffset + item * dims.queries * dims.qRow + head * columns;
  let kBase = dims.kOffset + (item * dims.keys + key) * dims.kvRow + head * columns;
  let vBase = dims.vOffset + (item * dims.keys + key) * dims.kvRow + head * columns;
  let dyBase = item * dims.queries * dyRow + head * columns;
  let start = select(0, key, dims.causal != 0);
  let maskRow = 4 * ((dims.keys + 3) / 4);
  let keptScale = 1 / (1 - f32(dims.threshold) / 4294967296.0);

  var ps: array<f32, MOST>;
  var ds: array<f32, MOST>;
  for (var i = start; i < dims.queries; i++) {
    var s = 0.0;
    var dp = 0.0;
    for (var c = 0u; c < columns; c++) {
      s += f32(q[qBase + i * dims.qRow + c]) * f32(k[kBase + c]);
      dp += f32(dy[dyBase + i * dyRow + c]) * f32(v[vBase + c]);
    }
    var mask = 1.0;
    if (dims.threshold > 0) {
      let state = vec4u(random[0], random[1], random[2], 0);
      let kept = keep(state, dims.opId, (index * dims.queries + i) * maskRow + key, dims.threshold);
      mask = select(0, keptScale, kept);
    }
    let stat = stats[index * dims.queries + i];
    let p = exp(s * dims.scale - stat.x);
    ps[i] = p * mask;
    ds[i] = p * (mask * dp - stat.y) * dims.scale;
  }
  for (var c = 0u; c < columns; c++) {
    var sumK = 0.0;
    var sumV = 0.0;
    for (var i = start; i < dims.queries; i++) {
      sumK += ds[i] * f32(q[qBase + i * dims.qRow + c]);
      sumV += ps[i] * f32(dy[dyBase + i * dyRow + c]);
    }
    if (dims.givesK != 0) { dk[kBase + c] = store_t(sumK); }
    if (dims.givesV != 0) {
      if (dims.together != 0) { dk[vBase + c] = store_t(sumV); } else { dv[vBase + c] = store_t(sumV); }
    }
  }
}
