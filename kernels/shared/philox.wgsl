// Philox4x32-10, a counter-based random generator (Salmon et al. 2011, "Parallel random numbers: as easy as
// 1, 2, 3"): the same (counter, key) gives the same four words wherever and whenever it is evaluated, so that a
// dropout mask need not be stored. `state` is [seedLow, seedHigh, step, 0].

// High and low word of a * b.
fn wideProduct(a: u32, b: u32) -> vec2u {
  let aLow = a & 0xffffu;
  let aHigh = a >> 16u;
  let bLow = b & 0xffffu;
  let bHigh = b >> 16u;
  let middle = aHigh * bLow + ((aLow * bLow) >> 16u);
  let carry = aLow * bHigh + (middle & 0xffffu);
  return vec2u(aHigh * bHigh + (middle >> 16u) + (carry >> 16u), a * b);
}

fn philox4x32(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let p = wideProduct(0xD2511F53u, c.x);
    let q = wideProduct(0xCD9E8D57u, c.z);
    c = vec4u(q.x ^ c.y ^ k.x, q.y, p.x ^ c.w ^ k.y, p.y);
    k += vec2u(0x9E3779B9u, 0xBB67AE85u);
  }
  return c;
}

// Whether elements 4 * quad .. 4 * quad + 3 of operation `opId` survive dropout. threshold = probability * 2^32.
fn keep4(state: vec4u, opId: u32, quad: u32, threshold: u32) -> vec4<bool> {
  return philox4x32(vec4u(quad, opId, state.z, 0u), state.xy) >= vec4u(threshold);
}

// keep4 for a single element.
fn keep(state: vec4u, opId: u32, index: u32, threshold: u32) -> bool {
  return keep4(state, opId, index / 4u, threshold)[index % 4u];
}
