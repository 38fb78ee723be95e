// Sum over the WG threads of a workgroup by halving; every thread gets the result. Needs `const WG`, a power of
// two, and the thread's index in the workgroup. workgroupUniformLoad waits for all threads before and after its load,
// so that the next call may write at once.
var<workgroup> workgroupSumCells: array<f32, WG>;

fn workgroupSum(value: f32, thread: u32) -> f32 {
  workgroupSumCells[thread] = value;
  for (var half = WG / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (thread < half) { workgroupSumCells[thread] += workgroupSumCells[thread + half]; }
  }
  return workgroupUniformLoad(&workgroupSumCells[0]);
}
