// A bilinear resize of `inputs` rows to `outputs` rows cuts these into inputs + 1 cells: between two neighbouring
// input rows, and beyond the first and the last. Cell k reads input rows k - 1 and k, clamped to the border; a
// cell may be empty. Columns likewise. Positions are exact fractions ((2 i + 1) inputs - outputs) / (2 outputs).

// First output row of a cell, which is one past the last of the cell before.
fn firstOf(cell: u32, inputs: u32, outputs: u32) -> u32 {
  let numerator = i32(outputs * (2 * cell)) - i32(outputs + inputs);
  return min((u32(max(numerator, 0)) + 2 * inputs - 1) / (2 * inputs), outputs);
}

// Weight of input row `cell` in output row `at` of that cell; the other row has the rest.
fn fractionOf(at: u32, cell: u32, inputs: u32, outputs: u32) -> f32 {
  let numerator = i32((2 * at + 1) * inputs + outputs) - i32(2 * outputs * cell);
  return f32(numerator) / f32(2 * outputs);
}
