import { politely } from '../gpu/wait.ts';

const COUNT = 1000;
const SHADER = `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&x)) { y[id.x] = 3.0 * x[id.x] + f32(id.x); }
}`;

export interface ComputeCheck {
  ok: boolean;
  /** What went wrong, or empty. */
  problem: string;
  /** From opening the device to the numbers being back, in milliseconds. */
  milliseconds: number;
}

/** Opens a device, runs one small dispatch and compares every number; the adapter is used up by it. */
export async function checkCompute(adapter: GPUAdapter): Promise<ComputeCheck> {
  const start = performance.now();
  let problem: string;
  try {
    const device = await adapter.requestDevice();
    try {
      problem = firstDifference(await dispatch(device));
    } finally {
      device.destroy();
    }
  } catch (error) {
    problem = (error as Error).message;
  }
  return { ok: problem === '', problem, milliseconds: performance.now() - start };
}

/** y = 3 x + index for x = index / 8, all exact in f32. */
async function dispatch(device: GPUDevice): Promise<Float32Array> {
  const size = COUNT * 4;
  const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
  const [x, y, result] = [STORAGE | COPY_DST, STORAGE | COPY_SRC, COPY_DST | MAP_READ].map((usage) =>
    device.createBuffer({ size, usage }),
  );
  device.pushErrorScope('validation');
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code: SHADER }) },
  });
  const entries = [x, y].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  device.queue.writeBuffer(
    x,
    0,
    Float32Array.from({ length: COUNT }, (_, i) => i / 8),
  );
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(Math.ceil(COUNT / 64));
  pass.end();
  encoder.copyBufferToBuffer(y, 0, result, 0, size);
  device.queue.submit([encoder.finish()]);
  const error = await politely(device.popErrorScope());
  if (error) throw new Error(error.message);
  await politely(result.mapAsync(GPUMapMode.READ));
  return new Float32Array(result.getMappedRange().slice(0));
}

/** The first wrong number in words, or empty. */
export function firstDifference(y: Float32Array): string {
  const index = y.findIndex((value, i) => value !== 3 * (i / 8) + i);
  if (y.length !== COUNT) return `${y.length} numbers came back instead of ${COUNT}`;
  return index < 0 ? '' : `number ${index} is ${y[index]} instead of ${3 * (index / 8) + index}`;
}
