// dx = dy * s * (1 + 1.702 x (1 - s)) with s = sigmoid(1.702 x).
fn combine(x: vec4f, dy: vec4f) -> vec4f {
  let s = 1.0 / (1.0 + exp(min(-1.702 * x, vec4f(80.0))));
  return dy * s * (1.0 + 1.702 * x * (1.0 - s));
}
