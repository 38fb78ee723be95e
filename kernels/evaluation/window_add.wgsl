// Adds the scores of one sliding window to the canvas of the whole image: sigmoid(logit) - penalty of its class.
// One thread per logit; a window is added in one dispatch, so no two threads meet.
const WG: u32 = 64;
struct Dims { classes: u32, height: u32, width: u32, top: u32, left: u32, window_height: u32, window_width: u32 }
@group(0) @binding(0) var<storage, read> logits: array<f32>;          // (classes, window_height, window_width)
@group(0) @binding(1) var<storage, read> penalty: array<f32>;         // (classes)
@group(0) @binding(2) var<storage, read_write> canvas: array<f32>;    // (classes, height, width)
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = (group.y * groups.x + group.x) * WG + local.x;
  let size = dims.window_height * dims.window_width;
  if (at >= dims.classes * size) { return; }
  let category = at / size;
  let row = (at % size) / dims.window_width + dims.top;
  let col = at % dims.window_width + dims.left;
  let x = logits[at];
  let e = exp(-abs(x));
  let score = select(e, 1.0, x >= 0.0) / (1.0 + e);
  canvas[(category * dims.height + row) * dims.width + col] += score - penalty[category];
}
