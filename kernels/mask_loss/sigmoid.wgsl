// Stable pieces of the sigmoid losses.
fn sigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

// log(1 + exp(x)) = -log(1 - sigmoid(x))
fn softplus(x: f32) -> f32 {
  return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}

// base^exponent for 0 <= base <= 1; the published exponent 2 without the rounding of pow.
fn power(base: f32, exponent: f32) -> f32 {
  if (exponent == 2.0) { return base * base; }
  return pow(max(base, 1e-37), exponent);
}
