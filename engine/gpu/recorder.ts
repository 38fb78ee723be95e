import { costOf, type Dims, type Grid, MAX_GRID } from '../../kernels/kernel.ts';
import { GpuError } from '../errors.ts';
import { type Command, encode, type Place, submits } from './commands.ts';
import type { Device } from './device.ts';
import type { Pipeline } from './pipeline.ts';
import type { Memory } from './pool.ts';
import type { Profiler } from './profiler.ts';
import type { Uniforms } from './uniforms.ts';

/**
 * Collects commands and submits them together: one encoder, one compute pass for a run of dispatches, one submit,
 * or several where that would be too much work at once. Bind groups are cached by pipeline layout and buffers.
 */
export class Recorder {
  /** Bind groups created since the start; constant in steady state. */
  bindGroupsCreated = 0;
  submits = 0;
  /** Dispatches recorded since the start; a list that is submitted again counts once. */
  dispatches = 0;
  private commands: Command[] = [];
  private readonly cache = new Map<string, { group: GPUBindGroup; ids: readonly number[] }>();
  private readonly device: Device;
  private readonly uniforms: Uniforms;
  private readonly profiler: Profiler | null;

  constructor(device: Device, uniforms: Uniforms, profiler: Profiler | null) {
    this.device = device;
    this.uniforms = uniforms;
    this.profiler = profiler;
  }

  /** Bind groups that are kept. */
  get groups(): number {
    return this.cache.size;
  }

  get idle(): boolean {
    return this.commands.length === 0;
  }

  /**
   * @param where kernel, operation and place in the model, for errors and the profiler.
   * @throws GpuError when the grid has more workgroups than a dimension takes: Dawn would name no kernel.
   */
  dispatch(
    pipeline: Pipeline,
    buffers: readonly Memory[],
    dims: Dims,
    grid: Grid,
    where = pipeline.kernel.name,
  ): void {
    if (grid.some((count) => count > MAX_GRID))
      throw new GpuError(
        `${where}: ${grid.join(' x ')} workgroups, at most ${MAX_GRID} along each dimension`,
      );
    const cost = costOf(pipeline.kernel, dims, pipeline.stores);
    this.dispatches++;
    this.commands.push({
      kind: 'dispatch',
      pipeline,
      buffers: this.bindGroup(pipeline, buffers, where),
      dims: this.uniforms.bind(pipeline.kernel, dims),
      grid,
      ...cost,
      where,
      values: dims,
    });
  }

  copy(from: Place, to: Place, bytes: number): void {
    this.commands.push({ kind: 'copy', from, to, bytes });
  }

  clear(place: Place, bytes: number): void {
    this.commands.push({ kind: 'clear', place, bytes });
  }

  /** Hands over what was recorded, without submitting it. */
  take(): Command[] {
    const { commands } = this;
    this.commands = [];
    return commands;
  }

  /** Submits what was recorded. Does nothing when nothing was. */
  flush(): void {
    if (!this.idle) this.submit(this.take());
  }

  /** Encodes and submits a list, fresh or kept from an earlier step. */
  submit(commands: readonly Command[]): void {
    for (const part of submits(commands)) {
      const encoder = this.device.gpu.createCommandEncoder();
      if (this.profiler && this.profiler.grain !== 'off') this.profiler.encode(encoder, part);
      else encode(encoder, part);
      this.device.gpu.queue.submit([encoder.finish()]);
      this.submits++;
      this.profiler?.collect();
    }
  }

  /** Lets go of the bind groups of buffers that are gone. */
  forget(gone: ReadonlySet<number>): void {
    for (const [key, { ids }] of this.cache) if (ids.some((id) => gone.has(id))) this.cache.delete(key);
  }

  private bindGroup(pipeline: Pipeline, buffers: readonly Memory[], where: string): GPUBindGroup {
    let key = `${pipeline.layout.label}`;
    for (const { id, offset, capacity } of buffers) key += `,${id}:${offset}:${capacity}`;
    const known = this.cache.get(key);
    if (known) return known.group;
    const group = this.device.gpu.createBindGroup({
      label: where,
      layout: pipeline.layout,
      entries: buffers.map(({ buffer, offset, capacity }, binding) => ({
        binding,
        resource: { buffer, offset, size: capacity },
      })),
    });
    this.cache.set(key, { group, ids: buffers.map(({ id }) => id) });
    this.bindGroupsCreated++;
    return group;
  }
}
