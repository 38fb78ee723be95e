// Sum over the eight lanes of a subgroup, for workgroups that are one subgroup of eight; every lane gets the result.
// Each component of the vector is a sum of its own.
fn subgroupSum8(value: vec4f) -> vec4f {
  var sum = value;
  sum += subgroupShuffleXor(sum, 4u);
  sum += subgroupShuffleXor(sum, 2u);
  sum += subgroupShuffleXor(sum, 1u);
  return sum;
}
