// What becomes of one element of op(a) op(b) on its way to c: bias, activation, residual.
fn finish(at: u32, column: u32, product: f32) {
  var x = product;
  if (dims.bias != 0) { x += bias[column]; }
  if (dims.preactivation != 0) { preactivation[at] = store_t(x); }
  x = activated(vec4f(x), dims.activation).x;
  if (dims.residual != 0) { x += f32(residual[at]); }
  c[at] = store_t(x);
}
