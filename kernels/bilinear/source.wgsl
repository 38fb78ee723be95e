// Where output index `at` of `outputs` reads among `inputs`: the two neighbours and the weight of the higher one.
struct Source { low: u32, high: u32, fraction: f32 }

fn sourceOf(at: u32, inputs: u32, outputs: u32) -> Source {
  let numerator = max(i32((2 * at + 1) * inputs) - i32(outputs), 0);
  let low = u32(numerator) / (2 * outputs);
  let fraction = f32(u32(numerator) % (2 * outputs)) / f32(2 * outputs);
  return Source(min(low, inputs - 1), min(low + 1, inputs - 1), fraction);
}

// Weight with which output index `at` reads input index `wanted`.
fn weightOf(at: u32, wanted: u32, inputs: u32, outputs: u32) -> f32 {
  let source = sourceOf(at, inputs, outputs);
  return select(0.0, 1.0 - source.fraction, source.low == wanted) + select(0.0, source.fraction, source.high == wanted);
}

// First output index that may read input index `wanted`, and one past the last.
fn readersOf(wanted: u32, inputs: u32, outputs: u32) -> vec2u {
  let first = i32(wanted * outputs / inputs) - i32(outputs / inputs) - 2;
  let last = (wanted + 2) * outputs / inputs + 2;
  return vec2u(select(u32(max(first, 0)), 0, wanted == 0), select(min(last, outputs), outputs, wanted + 1 == inputs));
}
