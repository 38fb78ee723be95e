// QuickGELU: x * sigmoid(1.702 x). The exponent is bounded so that it stays finite.
fn apply(x: vec4f) -> vec4f {
  return x / (1.0 + exp(min(-1.702 * x, vec4f(80.0))));
}
