import { Engine, type EngineSettings } from './engine.ts';
import { AdapterError, GpuError } from './errors.ts';
import { createGpu, type GpuOptions } from './gpu/context.ts';
import { requireF16 } from './gpu/device.ts';
import type { Platform } from './gpu/platform.ts';
import { cast } from './ops/cast.ts';

export type EngineOptions = GpuOptions & EngineSettings;

/**
 * Opens the adapter and makes an engine on it.
 * @throws AdapterError where precision f16 is asked for and the adapter cannot store f16, or not show its overflow.
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
    const engine = new Engine(gpu, { precision, checkpointing });
    if (precision === 'f16') await requireOverflow(engine);
    return engine;
  } catch (error) {
    await gpu.close();
    throw error;
  }
}

/** WGSL lets f16 saturate; but the loss scale is found by gradients that become infinite. */
async function requireOverflow(engine: Engine): Promise<void> {
  const { low, high } = await engine.fetch(() => {
    const stored = (value: number) => cast({ x: engine.tensor([value], [1]), dtype: 'f16' });
    return { low: stored(-1e6), high: stored(1e6) };
  });
  if (low[0] === -Infinity && high[0] === Infinity) return;
  throw new AdapterError(
    `${engine.gpu.device.name} stores ${low[0]} and ${high[0]} for -1e6 and 1e6 in f16, wanted infinities`,
    'An overflow in training would go unseen. Leave --precision away to compute in f32.',
  );
}
