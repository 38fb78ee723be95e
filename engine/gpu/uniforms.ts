import type { AnyKernel, Dims } from '../../kernels/kernel.ts';
import type { Device } from './device.ts';

const CHUNK_BYTES = 65536;

/**
 * Dims as constants: each distinct set of values is written once and keeps its place for good, so bind groups
 * can be cached and a recorded step replayed. What changes from step to step (learning rate, random state)
 * lives in storage buffers instead.
 *
 * Nothing is ever let go. A set takes about 6 KB on lavapipe, nearly all of it the driver's for the bind group, and
 * an image of a new size adds a few: evaluating 500 images of as many sizes made 1,500 sets, 9 MB.
 */
export class Uniforms {
  readonly layout: GPUBindGroupLayout;
  private readonly device: Device;
  private readonly groups = new Map<string, GPUBindGroup>();
  private chunk: GPUBuffer | null = null;
  private used = CHUNK_BYTES;

  constructor(device: Device) {
    this.device = device;
    this.layout = device.gpu.createBindGroupLayout({
      label: 'dims',
      entries: [{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } }],
    });
  }

  /** The bind group for group 1 that holds these values. */
  bind(kernel: AnyKernel, dims: Dims): GPUBindGroup {
    const names = Object.keys(kernel.dims);
    const words = new Uint32Array(Math.max(4, Math.ceil(names.length / 4) * 4));
    const floats = new Float32Array(words.buffer);
    names.forEach((name, i) => {
      const value = dims[name];
      if (kernel.dims[name] === 'f32') floats[i] = value;
      else words[i] = value;
    });
    const key = words.join(',');
    const known = this.groups.get(key);
    if (known) return known;
    const group = this.write(words);
    this.groups.set(key, group);
    return group;
  }

  private write(words: Uint32Array<ArrayBuffer>): GPUBindGroup {
    const { gpu, uniformAlignment } = this.device;
    const size = words.byteLength;
    if (this.chunk === null || this.used + size > CHUNK_BYTES) {
      this.chunk = gpu.createBuffer({
        label: 'dims',
        size: CHUNK_BYTES,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      });
      this.used = 0;
    }
    const offset = this.used;
    this.used = Math.ceil((offset + size) / uniformAlignment) * uniformAlignment;
    gpu.queue.writeBuffer(this.chunk, offset, words);
    return gpu.createBindGroup({
      layout: this.layout,
      entries: [{ binding: 0, resource: { buffer: this.chunk, offset, size } }],
    });
  }
}
