import { Engine, type EngineSettings } from './engine.ts';
import { GpuError } from './errors.ts';
import { createGpu, type GpuOptions } from './gpu/context.ts';
import { requireF16 } from './gpu/device.ts';
import type { Platform } from './gpu/platform.ts';

export type EngineOptions = GpuOptions & EngineSettings;

/**
 * Opens the adapter and makes an engine on it.
 * @throws AdapterError where precision f16 is asked for and the adapter cannot store f16.
 */
export async function createEngine(
  platform: Platform,
  { precision = 'f32', checkpointing, ...options }: EngineOptions = {},
): Promise<Engine> {
  const gpu = await createGpu(platform, options);
  try {
    if (precision === 'f16') requireF16(gpu.device);
    const { maxWorkgroupSize } = gpu.device.facts;
    if (maxWorkgroupSize < 64)
      throw new GpuError(`${gpu.device.name}: workgroups of ${maxWorkgroupSize}, 64 are needed`);
  } catch (error) {
    await gpu.close();
    throw error;
  }
  return new Engine(gpu, { precision, checkpointing });
}
