import type { Platform } from '../../engine/gpu/platform.ts';

/**
 * Gives packages made for browsers the `navigator.gpu` they look for, with the adapter that we run on.
 * @throws AdapterError when there is no adapter of that name.
 */
export async function offerGpu(platform: Platform, adapter: string | undefined): Promise<void> {
  const requestAdapter = (): Promise<GPUAdapter | null> => platform.requestAdapter({ adapter });
  // the first request also makes GPUBufferUsage and its like global
  await requestAdapter();
  const value = { gpu: { requestAdapter }, userAgent: 'Node.js' };
  Object.defineProperty(globalThis, 'navigator', { value, configurable: true });
}
