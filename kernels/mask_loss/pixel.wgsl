// Sigmoid focal and dice loss of one pixel of one mask. With z = x for a negative and -x for a positive, q = sigmoid(z)
// is how wrong the prediction is, and with a = 1 - alpha or alpha:
// focal = a q^gamma softplus(z), d focal / dz = a q^gamma (gamma (1 - q) softplus(z) + q).
struct Pixel {
  sums: vec4f,   // focal, p t, p, t
  focal: f32,    // d focal / dx
  slope: f32,    // dp / dx = p (1 - p)
}

// `square` says that gamma is 2: one product instead of an exponential.
fn pixelLoss(x: f32, positive: bool, alpha: f32, gamma: f32, square: bool) -> Pixel {
  let z = select(x, -x, positive);
  let e = exp(-abs(z));
  let inverse = 1.0 / (1.0 + e);
  let logarithm = log(1.0 + e);
  let wrong = select(e, 1.0, z >= 0.0) * inverse;
  let right = select(1.0, e, z >= 0.0) * inverse;
  let entropy = logarithm + max(z, 0.0);
  var weight = select(1.0 - alpha, alpha, positive);
  if (square) {
    weight *= wrong * wrong;
  } else {
    weight *= exp(-gamma * (logarithm + max(-z, 0.0)));
  }
  let focal = weight * entropy;
  let sums = select(vec4f(focal, 0.0, wrong, 0.0), vec4f(focal, right, right, 1.0), positive);
  let rise = weight * (gamma * right * entropy + wrong);
  return Pixel(sums, select(rise, -rise, positive), wrong * right);
}
