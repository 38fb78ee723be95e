import { createEngine, type EngineOptions } from '../../engine/create.ts';
import type { Engine } from '../../engine/engine.ts';
import { createGpu, type Gpu, type GpuOptions } from '../../engine/gpu/context.ts';
import { nodePlatform } from '../../engine/gpu/node.ts';

/** The engine of a test file; close it in `after`. Shader warnings are failures. */
export function openEngine(options: EngineOptions = {}): Promise<Engine> {
  return createEngine(nodePlatform(), { onWarning: refuse, ...options });
}

/** The bare GPU of a test file, without tensors or tape. */
export function openGpu(options: GpuOptions = {}): Promise<Gpu> {
  return createGpu(nodePlatform(), { onWarning: refuse, ...options });
}

function refuse(text: string): never {
  throw new Error(`shader warning: ${text}`);
}
