// Finishes up to four columns of one row and stores them; `at` counts elements.
fn store(at: u32, columns: u32, x: vec4f) {
  var y = x;
  if (ACTIVATES) { y = activated(x, dims.activation); }
  if (SPLIT) {
    for (var i = 0u; i < columns; i++) {
      let j = at + i;
      if (PREACTIVATES) { preactivation[j / 4][j % 4] = store_t(x[i]); }
      c[j / 4][j % 4] = store_t(y[i] + select(0, f32(residual[j / 4][j % 4]), ADDS));
    }
  } else if (columns > 0) {
    if (PREACTIVATES) { preactivation[at / 4] = vec4<store_t>(x); }
    if (ADDS) { y += vec4f(residual[at / 4]); }
    c[at / 4] = vec4<store_t>(y);
  }
}
