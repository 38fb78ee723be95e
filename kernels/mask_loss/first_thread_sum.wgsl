// Sum over the WG threads of a workgroup by halving; the first thread gets the result. Needs `const WG`, a power of
// two, and the thread's index in the workgroup. Each component of the vector is a sum of its own.
var<workgroup> firstThreadSumCells: array<vec4f, WG>;

fn firstThreadSum(value: vec4f, thread: u32) -> vec4f {
  firstThreadSumCells[thread] = value;
  for (var half = WG / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (thread < half) { firstThreadSumCells[thread] += firstThreadSumCells[thread + half]; }
  }
  return firstThreadSumCells[thread];
}
