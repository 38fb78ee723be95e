import type { AdapterFacts } from '../../kernels/kernel.ts';
import { AdapterError, DeviceLostError, GpuError, OutOfMemoryError } from '../errors.ts';
import { type AdapterOptions, adapterKey, isSoftware, type Platform } from './platform.ts';
import { politely } from './wait.ts';

/** Limits asked for explicitly: WebGPU's defaults (8 storage buffers, 128 MiB bindings) are too small. */
const WANTED_LIMITS = [
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'minUniformBufferOffsetAlignment',
] as const;
const WANTED_FEATURES = ['subgroups', 'shader-f16', 'timestamp-query'] as const;
/** What the attention and optimiser kernels bind at most; WebGPU guarantees 8. */
const STORAGE_BUFFERS_NEEDED = 8;

/** An open device: what it is, what it can do, and where its errors come out. */
export interface Device {
  gpu: GPUDevice;
  /** For people and for tables: device or description, with the driver where known. */
  name: string;
  /** Adapter and driver as the name of a file: the key of its tuning table. */
  key: string;
  facts: AdapterFacts;
  hasTimestamps: boolean;
  uniformAlignment: number;
  maxBindingBytes: number;
  /** Files an error promise under a description; it is thrown by the next {@link Device.settle}. */
  watch(scope: Promise<GPUError | null>, describe: (message: string) => string): void;
  /** Waits, without spinning, until the work submitted so far is done. */
  done(): Promise<void>;
  /** Waits until the submitted work is done, then throws the first error collected since the last call. */
  settle(): Promise<void>;
  /** Throws an error already known, without waiting; the loss of the device again and again. */
  raise(): void;
  destroy(): void;
}

/** @throws AdapterError unless shaders can store f16. */
export function requireF16({ name, facts }: Device): void {
  if (facts.f16) return;
  throw new AdapterError(
    `${name} lacks the WebGPU feature shader-f16, which precision f16 needs`,
    'Leave --precision away to compute in f32, or choose another adapter with --adapter; lavapipe has it.',
  );
}

export async function openDevice(platform: Platform, options: AdapterOptions = {}): Promise<Device> {
  const adapter = await platform.requestAdapter(options);
  if (adapter === null) {
    throw new AdapterError('no WebGPU adapter was found', 'Run `npm run doctor`: it says what to install.');
  }
  const info = adapter.info;
  const requiredLimits: Record<string, number> = {};
  // some drivers report 2^64 - 1 bytes, which a number of JavaScript rounds up to more than there is
  for (const limit of WANTED_LIMITS)
    requiredLimits[limit] = Math.min(adapter.limits[limit] as number, Number.MAX_SAFE_INTEGER);
  if (adapter.limits.maxStorageBuffersPerShaderStage < STORAGE_BUFFERS_NEEDED) {
    throw new AdapterError(
      `${info.device}: ${adapter.limits.maxStorageBuffersPerShaderStage} storage buffers a shader, ${STORAGE_BUFFERS_NEEDED} are needed`,
      'Choose another adapter with --adapter.',
    );
  }
  const requiredFeatures = WANTED_FEATURES.filter((f) => adapter.features.has(f)) as GPUFeatureName[];
  const gpu = await adapter.requestDevice({ requiredLimits, requiredFeatures });

  // an uncaptured error is often only the consequence of one that a scope explains better
  const errors: Error[] = [];
  const uncaptured: Error[] = [];
  const pending = new Set<Promise<void>>();
  let destroyed = false;
  gpu.addEventListener('uncapturederror', (event) => {
    event.preventDefault();
    uncaptured.push(namedError((event as GPUUncapturedErrorEvent).error));
  });
  let lost: DeviceLostError | null = null;
  gpu.lost.then(({ reason, message }) => {
    if (!destroyed) lost = new DeviceLostError(`the GPU device was lost (${reason}): ${message}`);
  });

  const raise = (): void => {
    const first = lost ?? errors[0] ?? uncaptured[0];
    errors.length = 0;
    uncaptured.length = 0;
    if (first) throw first;
  };
  const done = async (): Promise<void> => {
    await politely(gpu.queue.onSubmittedWorkDone());
  };
  return {
    gpu,
    name: (info.device || info.description || info.vendor || 'unknown adapter').trim(),
    key: adapterKey(info),
    facts: {
      software: isSoftware(info),
      subgroups: gpu.features.has('subgroups'),
      subgroupMinSize: gpu.features.has('subgroups') ? (info.subgroupMinSize ?? 0) : 0,
      subgroupMaxSize: gpu.features.has('subgroups') ? (info.subgroupMaxSize ?? 0) : 0,
      f16: gpu.features.has('shader-f16'),
      maxWorkgroupSize: gpu.limits.maxComputeInvocationsPerWorkgroup,
      maxWorkgroupStorage: gpu.limits.maxComputeWorkgroupStorageSize,
    },
    hasTimestamps: gpu.features.has('timestamp-query'),
    uniformAlignment: gpu.limits.minUniformBufferOffsetAlignment,
    maxBindingBytes: gpu.limits.maxStorageBufferBindingSize,
    watch(scope, describe) {
      const settled = scope.then(
        (error) => {
          if (error) errors.push(new GpuError(describe(error.message)));
        },
        () => {},
      );
      const tracked = settled.then(() => {
        pending.delete(tracked);
      });
      pending.add(tracked);
    },
    done,
    async settle() {
      await done();
      if (pending.size > 0) await politely(Promise.all(pending));
      raise();
    },
    raise,
    destroy() {
      destroyed = true;
      gpu.destroy();
    },
  };
}

function namedError(error: GPUError): Error {
  // the classes of WebGPU's errors are no globals in Node
  const outOfMemory = error.constructor.name === 'GPUOutOfMemoryError';
  return outOfMemory
    ? new OutOfMemoryError(`out of GPU memory: ${error.message}`)
    : new GpuError(error.message);
}
