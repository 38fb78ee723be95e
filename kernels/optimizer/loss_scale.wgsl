// Settles a step whose gradients were computed with the loss times `scale`. Where one of them is not finite the step
// must not count: `verdict` tells the optimiser so, and the scale is halved; at scale 1 the step is bad for good and
// noted in `health`. After `patience` finite steps in a row the scale doubles, up to `highest`. `divisor` undoes the
// scale of this step.
struct Dims { patience: u32, highest: f32 }
@group(0) @binding(0) var<storage, read> pairs: array<f32>;              // (1): what gradients are divided by besides
@group(0) @binding(1) var<storage, read> state: array<u32>;              // (4): seed low, seed high, step, 0
@group(0) @binding(2) var<storage, read_write> found: array<u32>;        // (2): elements that are not finite, lowest index
@group(0) @binding(3) var<storage, read_write> health: array<u32>;       // (2): bad steps, first bad step
@group(0) @binding(4) var<storage, read_write> scale: array<f32>;        // (1): a power of two
@group(0) @binding(5) var<storage, read_write> streak: array<u32>;       // (1): finite steps since the scale changed
@group(0) @binding(6) var<storage, read_write> divisor: array<f32>;      // (1)
@group(0) @binding(7) var<storage, read_write> verdict: array<u32>;      // (2): not 0 where nothing may be updated
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(1)
fn main() {
  let old = scale[0];
  let overflow = found[0] > 0;
  if (overflow && old <= 1) {
    if (health[0] == 0) { health[1] = state[2]; }
    health[0] += 1;
  }
  divisor[0] = old * max(1, pairs[0]);
  verdict[0] = health[0] + u32(overflow);
  verdict[1] = 0;
  let finite = select(streak[0] + 1, 0, overflow);
  let grow = finite >= dims.patience;
  let grown = select(old, min(dims.highest, 2 * old), grow);
  scale[0] = max(1, select(grown, 0.5 * old, overflow));
  streak[0] = select(finite, 0, grow);
  found[0] = 0;
  found[1] = 0xffffffff;
}
