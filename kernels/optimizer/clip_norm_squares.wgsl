// First stage of a global norm, for up to seven tensors at once: partials[offset + t] = sum of squares of the vec4s
// t, t + parts, t + 2 parts, ... of every tensor. Thread t keeps one sum, so the order of additions never changes.
const WG: u32 = 64;
struct Dims { count0: u32, count1: u32, count2: u32, count3: u32, count4: u32, count5: u32, count6: u32, offset: u32, parts: u32 }
@group(0) @binding(0) var<storage, read> g0: array<vec4f>;               // (count0)
@group(0) @binding(1) var<storage, read> g1: array<vec4f>;               // (count1)
@group(0) @binding(2) var<storage, read> g2: array<vec4f>;               // (count2)
@group(0) @binding(3) var<storage, read> g3: array<vec4f>;               // (count3)
@group(0) @binding(4) var<storage, read> g4: array<vec4f>;               // (count4)
@group(0) @binding(5) var<storage, read> g5: array<vec4f>;               // (count5)
@group(0) @binding(6) var<storage, read> g6: array<vec4f>;               // (count6)
@group(0) @binding(7) var<storage, read_write> partials: array<f32>;     // (offset + parts)
@group(1) @binding(0) var<uniform> dims: Dims;

// Squares of the components at 4 quad .. 4 quad + 3 that are inside a tensor of `count` elements.
fn squares(v: vec4f, quad: u32, count: u32) -> f32 {
  let inside = select(vec4f(), v, vec4u(0, 1, 2, 3) + 4 * quad < vec4u(count));
  return dot(inside, inside);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let parts = dims.parts;
  if (id.x >= parts) { return; }
  var sum = 0.0;
  let n0 = dims.count0;
  for (var q = id.x; 4 * q < n0; q += parts) { sum += squares(g0[q], q, n0); }
  let n1 = dims.count1;
  for (var q = id.x; 4 * q < n1; q += parts) { sum += squares(g1[q], q, n1); }
  let n2 = dims.count2;
  for (var q = id.x; 4 * q < n2; q += parts) { sum += squares(g2[q], q, n2); }
  let n3 = dims.count3;
  for (var q = id.x; 4 * q < n3; q += parts) { sum += squares(g3[q], q, n3); }
  let n4 = dims.count4;
  for (var q = id.x; 4 * q < n4; q += parts) { sum += squares(g4[q], q, n4); }
  let n5 = dims.count5;
  for (var q = id.x; 4 * q < n5; q += parts) { sum += squares(g5[q], q, n5); }
  let n6 = dims.count6;
  for (var q = id.x; 4 * q < n6; q += parts) { sum += squares(g6[q], q, n6); }
  partials[dims.offset + id.x] = sum;
}
