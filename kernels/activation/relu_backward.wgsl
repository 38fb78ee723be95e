// The gradient at 0 is 0.
fn combine(x: vec4f, dy: vec4f) -> vec4f {
  return select(vec4f(), dy, x > vec4f());
}
