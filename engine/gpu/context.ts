import { catalogue } from '../../kernels/catalogue.ts';
import type { AnyKernel } from '../../kernels/kernel.ts';
import type { Place } from './commands.ts';
import { type Device, openDevice } from './device.ts';
import { kernelTable } from './kernel_times.ts';
import { loadSources, Pipelines } from './pipeline.ts';
import type { AdapterOptions, Platform } from './platform.ts';
import { Pool } from './pool.ts';
import { Profiler } from './profiler.ts';
import { Recorder } from './recorder.ts';
import { TileTable } from './tiles.ts';
import { Tuning } from './tuner.ts';
import { Uniforms } from './uniforms.ts';
import { politely } from './wait.ts';

export interface GpuOptions extends AdapterOptions {
  /** Time every dispatch with timestamp queries; by default from DEBUG=2 on. */
  profile?: boolean;
  /** The kernels that can be launched; by default the catalogue. */
  kernels?: readonly AnyKernel[];
  /** Receives shader compile warnings; by default the console. */
  onWarning?: (text: string) => void;
}

/** A device with everything that runs kernels on it. Close it, or the process may not end. */
export interface Gpu {
  device: Device;
  pool: Pool;
  pipelines: Pipelines;
  recorder: Recorder;
  tiles: TileTable;
  profiler: Profiler | null;
  /** Prints to standard error at a DEBUG level: 1 device and tuning, 2 kernel timings, 3 launches with sizes, 4 WGSL. */
  debug(level: number, text: () => string): void;
  /** Copies bytes out: submits what is recorded, waits, raises collected errors. */
  read(from: Place, bytes: number): Promise<ArrayBuffer>;
  /** Writes in recording order: what was recorded before is submitted first. */
  write(to: Place, data: ArrayBufferView<ArrayBuffer>): void;
  close(): Promise<void>;
}

export async function createGpu(platform: Platform, options: GpuOptions = {}): Promise<Gpu> {
  const [device, sources] = await Promise.all([
    openDevice(platform, options),
    loadSources(platform, options.kernels ?? catalogue),
  ]);
  const tuning = new Tuning(sources, await platform.loadTuning(device.key));
  const debug = (level: number, text: () => string): void => {
    if (platform.debug >= level) console.error(text());
  };
  debug(1, () => `${device.name}: ${JSON.stringify(device.facts)}`);
  debug(
    1,
    () => `tuned choices for ${device.key}: ${JSON.stringify(tuning.table(options.kernels ?? catalogue))}`,
  );
  const uniforms = new Uniforms(device);
  const profile = options.profile ?? platform.debug >= 2;
  const profiler = profile && device.hasTimestamps ? new Profiler(device) : null;
  const recorder = new Recorder(device, uniforms, profiler);
  const staging = new Map<number, GPUBuffer>();
  return {
    device,
    pool: new Pool(device),
    pipelines: new Pipelines(device, uniforms, sources, {
      onWarning: options.onWarning,
      onSource: (label, code) => debug(4, () => `// ${label}\n${code}`),
    }),
    recorder,
    tiles: new TileTable(device.facts, tuning),
    profiler,
    debug,
    async read(from, bytes) {
      const size = Math.ceil(bytes / 4) * 4;
      const buffer = staging.get(size) ?? createStaging(device, size);
      staging.delete(size);
      recorder.copy(from, { buffer, offset: 0 }, size);
      recorder.flush();
      try {
        await politely(buffer.mapAsync(GPUMapMode.READ, 0, size));
      } catch (error) {
        await device.settle();
        throw error;
      }
      const data = buffer.getMappedRange(0, size).slice(0, bytes);
      buffer.unmap();
      if (size <= 65536) staging.set(size, buffer);
      else buffer.destroy();
      await device.settle();
      return data;
    },
    write(to, data) {
      recorder.flush();
      if (data.byteLength % 4 === 0) {
        device.gpu.queue.writeBuffer(to.buffer, to.offset, data.buffer, data.byteOffset, data.byteLength);
        return;
      }
      const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
      padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      device.gpu.queue.writeBuffer(to.buffer, to.offset, padded);
    },
    async close() {
      recorder.flush();
      try {
        await device.settle();
        if (profiler && platform.debug >= 2) console.error(kernelTable(await profiler.report()));
      } finally {
        device.destroy();
      }
    },
  };
}

function createStaging(device: Device, size: number): GPUBuffer {
  return device.gpu.createBuffer({
    label: 'staging',
    size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
}
