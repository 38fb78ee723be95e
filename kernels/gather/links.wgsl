// For each position r of a list of ids: whether it is the first with its id, and the next position with the same id
// (count: none). Chains the positions of an id in order, for gather.scatter. One thread per position.
const WG: u32 = 32;
struct Dims { count: u32 }
@group(0) @binding(0) var<storage, read> ids: array<u32>;            // (count)
@group(0) @binding(1) var<storage, read_write> links: array<u32>;    // (count, 2): first?, next
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) position: vec3u) {
  let r = position.x;
  let count = dims.count;
  if (r >= count) { return; }
  let id = ids[r];
  var before = 0u;
  while (before < r && ids[before] != id) { before++; }
  var next = r + 1;
  while (next < count && ids[next] != id) { next++; }
  links[2 * r] = u32(before == r);
  links[2 * r + 1] = next;
}
