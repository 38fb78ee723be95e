// Sum over the eight lanes of a subgroup, for workgroups that are one subgroup of eight; every lane gets the result.
// Each component of the vector is a sum of its own.
fn subgroupSum8(value: vec4f) -> vec4f {
  var sum = value;
  sum += subgroupShuffleXor(sum, 4u);
  sum += subgroupShuffleXor(sum, 2u);
  sum += subgroupShuffleXor(sum, 1u);
  return sum;
}

// The values that lanes 0 to 3 hold.
fn firstFour(value: f32) -> vec4f {
  return vec4f(subgroupShuffle(value, 0u), subgroupShuffle(value, 1u), subgroupShuffle(value, 2u), subgroupShuffle(value, 3u));
}
