// What the backward pass needs per query: log-sum-exp, and delta = sum over columns of dy * y, which is the sum
// of probability * dprobability over keys (Dao et al. 2022). One thread per head and query.
const WG: u32 = 64;
alias store_t = f32;
struct Dims { batch: u32, heads: u32, queries: u32, headDim: u32 }
@group(0) @binding(0) var<storage, read> y: array<store_t>;           // (batch, queries, heads * headDim)
@group(0) @binding(1) var<storage, read> dy: array<store_t>;          // (batch, queries, heads * headDim)
@group(0) @binding(2) var<storage, read> lse: array<f32>;             // (batch, heads, queries)
@group(0) @binding(3) var<storage, read_write> stats: array<vec2f>;   // (batch, heads, queries): lse, delta
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let i = (group.y * groups.x + group.x) * WG + local.x;
  let queries = dims.queries;
  let headDim = dims.headDim;
  if (i >= dims.batch * dims.heads * queries) { return; }
  let head = i / queries % dims.heads;
  let item = i / queries / dims.heads;
  let base = ((item * queries + i % queries) * dims.heads + head) * headDim;
  var delta = 0.0;
  for (var c = base; c < base + headDim; c++) { delta += f32(y[c]) * f32(dy[c]); }
  stats[i] = vec2f(lse[i], delta);
}
