import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { AdapterError } from '../errors.ts';
import { readJson, writeJson } from '../host/json_file.ts';
import { type AdapterOptions, adapterText, type Platform, type TuningTable } from './platform.ts';
import { findSwiftshader, SWIFTSHADER, withDriver } from './swiftshader.ts';

/** Timestamps are for the profiler only, and Dawn's default grid of 65 us is coarser than most kernels. */
const FLAGS = ['disable-dawn-features=timestamp_quantization'];
/** No adapter carries this name: asking for it makes Dawn list those that are there. */
const NO_SUCH_NAME = '\u0001';

const CACHE = new URL('../../.cache/', import.meta.url);
const tuningTable = z.record(
  z.string(),
  z.object({ variant: z.string(), tile: z.record(z.string(), z.number().int()) }),
);

export interface NodeOptions {
  /** Folder for tuning tables and driver manifests, ending in a slash; by default `.cache/` of the project. */
  cache?: URL;
}

/** An adapter as Dawn lists it. */
export interface ListedAdapter {
  backend: string;
  name: string;
}

/** WebGPU in Node: Dawn, files on disk, `CASCADE_ADAPTER` and `DEBUG` from the environment. */
export function nodePlatform({ cache = CACHE }: NodeOptions = {}): Platform {
  const tuningFile = (key: string): string => fileURLToPath(new URL(`tuning/${key}.json`, cache));
  return {
    debug: debugLevel(process.env.DEBUG),
    requestAdapter: (options) => requestAdapter(cache, options),
    readText: (url) => readFile(url, 'utf8'),
    loadTuning: async (key) => loadTuning(tuningFile(key)),
    async saveTuning(key, table) {
      const file = tuningFile(key);
      await mkdir(dirname(file), { recursive: true });
      await writeJson(file, table);
    },
  };
}

/** The adapter name a command works with: its own option, else `CASCADE_ADAPTER`, else undefined (any). */
export function wantedAdapter(option?: string): string | undefined {
  return option || process.env.CASCADE_ADAPTER || undefined;
}

/** `DEBUG=1` to `4`; other tools use the same variable with words, which are not meant for us. */
export function debugLevel(value: string | undefined): number {
  const level = Number(value);
  return Number.isInteger(level) ? Math.min(Math.max(level, 0), 4) : 0;
}

async function requestAdapter(cache: URL, options: AdapterOptions = {}): Promise<GPUAdapter | null> {
  const wanted = wantedAdapter(options.adapter)?.toLowerCase();
  if (wanted === undefined) return open();
  const best = await open();
  if (best && adapterText(best.info).includes(wanted)) return best;

  const listed = best ? await listAdapters() : [];
  for (const { backend, name } of listed) {
    const adapter = await open(`backend=${backend}`, `adapter=${name}`);
    if (adapter && adapterText(adapter.info, name).includes(wanted)) return adapter;
  }
  const manifest = SWIFTSHADER.includes(wanted) ? await findSwiftshader(cache) : null;
  const adapter = manifest && (await withDriver(manifest, open));
  if (adapter) return adapter;
  if (best === null) return null;
  throw new AdapterError(
    `no adapter matches '${wanted}'; there is ${listed.map((a) => `'${a.name}' (${a.backend})`).join(', ')}`,
    nameHint(wanted),
  );
}

/** How to get an adapter of a wanted name. */
export function nameHint(wanted: string): string {
  if (SWIFTSHADER.includes(wanted.toLowerCase())) {
    return 'SwiftShader comes with Chromium: on Debian `apt-get install --no-install-recommends chromium-common libvulkan1`.';
  }
  if (isLavapipe(wanted)) {
    return 'lavapipe comes with Mesa: on Debian and Ubuntu `apt-get install mesa-vulkan-drivers libvulkan1` (Debian 12: from bookworm-backports).';
  }
  return 'Leave --adapter and CASCADE_ADAPTER away to take the best one, or see what there is with `npm run doctor`.';
}

/** Whether a wanted name means Mesa's software adapter. */
export function isLavapipe(wanted: string): boolean {
  return ['lavapipe', 'llvmpipe'].some((name) => name.includes(wanted.toLowerCase()));
}

/** Every adapter that Dawn sees, best first; empty when there is none. */
export async function listAdapters(): Promise<ListedAdapter[]> {
  const gpu = await dawn(`adapter=${NO_SUCH_NAME}`);
  try {
    await gpu.requestAdapter();
    return [];
  } catch (error) {
    return parseAdapterList(error instanceof Error ? error.message : String(error));
  }
}

/** Reads the list out of Dawn's message ` * backend: 'vulkan', name: 'llvmpipe (LLVM 15.0.6, 256 bits)'`. */
export function parseAdapterList(message: string): ListedAdapter[] {
  const lines = message.matchAll(/\* backend: '([^']*)', name: '(.*)'\s*$/gm);
  return [...lines].map(([, backend, name]) => ({ backend, name }));
}

async function open(...flags: string[]): Promise<GPUAdapter | null> {
  return (await dawn(...flags)).requestAdapter({ powerPreference: 'high-performance' });
}

/** One Dawn instance per set of flags and drivers: a second one would load every driver again. */
const instances = new Map<string, GPU>();

async function dawn(...flags: string[]): Promise<GPU> {
  const key = [process.env.VK_DRIVER_FILES ?? '', ...flags].join('\n');
  let gpu = instances.get(key);
  if (!gpu) {
    const { create, globals } = await import('webgpu').catch((error: Error) => {
      throw new AdapterError(
        `Dawn cannot be loaded on ${process.platform} ${process.arch}: ${error.message.split('\n')[0]}`,
        'Run `npm ci`. The `webgpu` package has builds for Linux (glibc) x64 and arm64, macOS, and Windows x64 and arm64.',
      );
    });
    Object.assign(globalThis, globals);
    gpu = create([...FLAGS, ...flags]);
    instances.set(key, gpu);
  }
  return gpu;
}

/** Lets the next request look at the machine anew, after a driver was installed. */
export function forgetInstances(): void {
  instances.clear();
}

function loadTuning(file: string): TuningTable {
  if (!existsSync(file)) return {};
  return readJson(file, tuningTable, 'Delete the file; the next tuning run writes it again.');
}
