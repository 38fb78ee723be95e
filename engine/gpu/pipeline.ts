import {
  type AnyKernel,
  aliasesOf,
  constantsOf,
  type Dims,
  elementType,
  type Stores,
  type Tile,
  type Variant,
} from '../../kernels/kernel.ts';
import { specialise } from '../../kernels/specialise.ts';
import { DataError, GpuError } from '../errors.ts';
import type { Device } from './device.ts';
import { fileText } from './file_text.ts';
import type { Platform } from './platform.ts';
import type { Choice } from './tiles.ts';
import type { Uniforms } from './uniforms.ts';

/** A compiled kernel: one variant, one set of constants, one choice of storage precisions. */
export interface Pipeline {
  readonly kernel: AnyKernel;
  readonly stores: Stores;
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Names the kernel, variant and constants in errors and profiles. */
  readonly label: string;
  readonly id: number;
}

export interface PipelineHooks {
  /** Receives shader compile warnings; by default the console. */
  onWarning?: (text: string) => void;
  /** Receives every module before it is compiled. */
  onSource?: (label: string, code: string) => void;
}

/** Compiles each pipeline once and names file and line when WGSL does not compile. */
export class Pipelines {
  /** Pipelines created since the start; constant in steady state. */
  created = 0;
  private readonly device: Device;
  private readonly uniforms: Uniforms;
  private readonly sources: Map<string, string>;
  private readonly cache = new Map<string, Pipeline>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  private readonly hooks: PipelineHooks;

  constructor(device: Device, uniforms: Uniforms, sources: Map<string, string>, hooks: PipelineHooks = {}) {
    this.device = device;
    this.uniforms = uniforms;
    this.sources = sources;
    this.hooks = hooks;
  }

  /** The pipeline for launches of these sizes: those that leave the same code out share one. */
  get(kernel: AnyKernel, { variant, tile }: Choice, dims: Dims, stores: Stores): Pipeline {
    const constants = constantsOf(variant, tile, dims);
    const label = `${kernel.name} ${variant.name} ${JSON.stringify(constants)} ${storesText(kernel, stores)}`;
    const known = this.cache.get(label);
    if (known) return known;
    const pipeline = this.compile(kernel, variant, constants, stores, label);
    this.cache.set(label, pipeline);
    return pipeline;
  }

  private compile(
    kernel: AnyKernel,
    variant: Variant,
    constants: Tile,
    stores: Stores,
    label: string,
  ): Pipeline {
    const { gpu } = this.device;
    const files = [variant.source, ...(variant.helpers ?? [])];
    const texts = files.map((file) => this.sourceText(file));
    const code = [specialise(texts[0], constants, stores), ...texts.slice(1)].join('\n');
    const place = placeOf(files, texts);
    this.hooks.onSource?.(label, code);

    gpu.pushErrorScope('validation');
    const module = gpu.createShaderModule({ label, code });
    const layout = this.layoutOf(kernel);
    const pipeline = gpu.createComputePipeline({
      label,
      layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout, this.uniforms.layout] }),
      compute: { module, entryPoint: 'main' },
    });
    const messages = module.getCompilationInfo().then((info) => [...info.messages]);
    const scope = gpu.popErrorScope().then(async (error) => {
      const found = await messages;
      const lines = found.map((m) => `${place(m.lineNum)}:${m.linePos}: ${m.type}: ${m.message}`);
      if (error) throw new GpuError([`kernel ${label} does not compile`, ...lines, error.message].join('\n'));
      if (lines.length > 0) (this.hooks.onWarning ?? console.warn)(lines.join('\n'));
      return null;
    });
    // the detailed GpuError above replaces the generic message
    let detail = '';
    const reported = scope.catch((error: Error) => {
      detail = error.message;
      return { message: detail } as GPUError;
    });
    this.device.watch(reported, () => detail);
    return { kernel, stores, gpu: pipeline, layout, label, id: this.created++ };
  }

  private sourceText(file: URL): string {
    const text = this.sources.get(file.href);
    if (text === undefined)
      throw new GpuError(`${file.href} was not loaded; is its kernel in the catalogue?`);
    return text;
  }

  private layoutOf(kernel: AnyKernel): GPUBindGroupLayout {
    const access = Object.values(kernel.buffers).map((spec) => (spec.access === 'read' ? 'r' : 'w'));
    const key = access.join('');
    let layout = this.layouts.get(key);
    if (!layout) {
      layout = this.device.gpu.createBindGroupLayout({
        label: key,
        entries: access.map((a, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: a === 'r' ? 'read-only-storage' : 'storage' },
        })),
      });
      this.layouts.set(key, layout);
    }
    return layout;
  }
}

/** `f32`, `f16`, or where a kernel mixes them, the type of each alias: `a_t=f16 b_t=f32`. */
function storesText(kernel: AnyKernel, stores: Stores): string {
  const aliases = aliasesOf(kernel);
  const types = aliases.map((alias) => elementType(alias, stores));
  const [first = 'f32'] = types;
  if (types.every((type) => type === first)) return first;
  return aliases.map((alias, i) => `${alias}=${types[i]}`).join(' ');
}

/** Maps a line of the joined module to file:line. */
function placeOf(files: readonly URL[], texts: readonly string[]): (line: number) => string {
  return (line) => {
    let rest = line;
    for (let i = 0; i < files.length; i++) {
      const lines = texts[i].split('\n').length;
      if (rest <= lines || i === files.length - 1) return `${fileText(files[i])}:${rest}`;
      rest -= lines;
    }
    return `line ${line}`;
  };
}

/** Reads every WGSL file of the kernels once, so that launching never waits for a file. */
export async function loadSources(
  platform: Platform,
  kernels: readonly AnyKernel[],
): Promise<Map<string, string>> {
  const files = new Map<string, URL>();
  for (const kernel of kernels) {
    for (const variant of kernel.variants) {
      for (const file of [variant.source, ...(variant.helpers ?? [])]) files.set(file.href, file);
    }
  }
  const texts = await Promise.all([...files.values()].map((file) => readSource(platform, file)));
  return new Map([...files.keys()].map((href, i) => [href, texts[i]]));
}

async function readSource(platform: Platform, file: URL): Promise<string> {
  try {
    return await platform.readText(file);
  } catch (error) {
    throw new DataError(
      fileText(file),
      `cannot be read: ${(error as Error).message}`,
      'A kernel names it as its source or a helper: correct the name, or add the file.',
    );
  }
}
