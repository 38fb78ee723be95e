// Activations by number: 0 none, 1 QuickGELU x * sigmoid(1.702 x), 2 ReLU. The exponent is bounded so that it stays finite.
fn activated(x: vec4f, activation: u32) -> vec4f {
  if (activation == 1) { return x / (1 + exp(min(-1.702 * x, vec4f(80)))); }
  if (activation == 2) { return max(x, vec4f()); }
  return x;
}
