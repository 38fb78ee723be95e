/** What the engine needs from where it runs. `node.ts` is the one for Node; the rest of the engine asks no one. */
export interface Platform {
  /** 0 quiet, 1 device and tuning, 2 kernel timings, 3 launches with sizes, 4 WGSL. */
  readonly debug: number;
  /**
   * The adapter to run on, or null when the machine has none at all. Each call gives a fresh adapter; an adapter
   * yields one device.
   * @throws AdapterError when a name was asked for and no adapter carries it; lists those that are there.
   */
  requestAdapter(options?: AdapterOptions): Promise<GPUAdapter | null>;
  /** The text of a WGSL source. */
  readText(url: URL): Promise<string>;
  /** The tile choices stored for an adapter (see {@link adapterKey}); empty when there are none yet. */
  loadTuning(adapterKey: string): Promise<TuningTable>;
  /** Replaces the tile choices stored for an adapter. */
  saveTuning(adapterKey: string, table: TuningTable): Promise<void>;
}

export interface AdapterOptions {
  /** Part of an adapter's name, vendor, architecture or driver, in any case; by default the fastest kind. */
  adapter?: string;
}

/** What one kernel runs with at one shape: a variant's name and the values of its tile constants. */
export interface TunedTile {
  readonly variant: string;
  readonly tile: Readonly<Record<string, number>>;
}

/** Tile choices of one adapter, by the tuner's own key (kernel and shape). */
export type TuningTable = Record<string, TunedTile>;

/** The fields of `GPUAdapterInfo` by which an adapter is named. */
export type AdapterNames = Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description'>;

/** One line of everything an adapter says about itself, in lower case: what a wanted name is looked for in. */
export function adapterText(info: AdapterNames, name = ''): string {
  const text = [name, info.vendor, info.architecture, info.device, info.description].join(' ').toLowerCase();
  return text.includes('llvmpipe') ? `${text} lavapipe` : text;
}

/** Whether an adapter computes on the CPU: lavapipe, SwiftShader, WARP. */
export function isSoftware(info: AdapterNames & { readonly isFallbackAdapter?: boolean }): boolean {
  return info.isFallbackAdapter === true || /lavapipe|swiftshader|warp|basic render/.test(adapterText(info));
}

/** A file-safe name of an adapter together with its driver's version: the key of its tuning table. */
export function adapterKey(info: AdapterNames): string {
  const parts = [info.vendor, info.device || info.architecture, info.description];
  return fileSafe(parts.join('-')) || 'unknown';
}

/** A name in small letters, digits, dots and single dashes. */
export function fileSafe(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-+|-+$/g, '');
}
