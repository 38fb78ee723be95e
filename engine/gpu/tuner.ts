import type { AnyKernel, Dims, StoreType } from '../../kernels/kernel.ts';
import type { TunedTile, TuningTable } from './platform.ts';

/**
 * The tile choices that `npm run bench -- --tune` measured on one adapter. An entry belongs to a kernel's name and
 * source, a storage type and a class of shapes; when the source changes, its entries no longer match and are
 * dropped the next time the table is saved.
 */
export class Tuning {
  private readonly sources: ReadonlyMap<string, string>;
  private readonly entries: Map<string, TunedTile>;
  private readonly hashes = new Map<AnyKernel, string>();

  /** @param sources text of every WGSL file by its href; @param table as the platform stored it. */
  constructor(sources: ReadonlyMap<string, string>, table: TuningTable = {}) {
    this.sources = sources;
    this.entries = new Map(Object.entries(table));
  }

  get empty(): boolean {
    return this.entries.size === 0;
  }

  find(kernel: AnyKernel, dims: Dims, store: StoreType): TunedTile | undefined {
    return this.entries.get(this.key(kernel, dims, store));
  }

  keep(kernel: AnyKernel, dims: Dims, store: StoreType, choice: TunedTile): void {
    this.entries.set(this.key(kernel, dims, store), choice);
  }

  /** What to save: the entries of these kernels as their sources are now. */
  table(kernels: readonly AnyKernel[]): TuningTable {
    const current = new Set(kernels.map((kernel) => `${kernel.name} ${this.hashOf(kernel)}`));
    const valid = [...this.entries].filter(([key]) => current.has(key.split(' ').slice(0, 2).join(' ')));
    return Object.fromEntries(valid.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  private key(kernel: AnyKernel, dims: Dims, store: StoreType): string {
    return `${kernel.name} ${this.hashOf(kernel)} ${store} ${shapeClass(kernel, dims)}`;
  }

  private hashOf(kernel: AnyKernel): string {
    let hash = this.hashes.get(kernel);
    if (hash === undefined) {
      hash = sourceHash(kernel, this.sources);
      this.hashes.set(kernel, hash);
    }
    return hash;
  }
}

/**
 * Launches of one class share a tile: each integer of the dims counts by its number of bits, so that 1035 and
 * 1040 tokens are alike and 77 are not.
 */
export function shapeClass(kernel: AnyKernel, dims: Dims): string {
  const integers = Object.keys(kernel.dims).filter((name) => kernel.dims[name] !== 'f32');
  return integers.map((name) => 32 - Math.clz32(dims[name])).join('.');
}

/** Changes with any variant's shader, helper or tile space. */
export function sourceHash(kernel: AnyKernel, sources: ReadonlyMap<string, string>): string {
  const parts = kernel.variants.flatMap(({ name, source, helpers = [], tiles, hardware }) => [
    name,
    JSON.stringify([tiles, hardware]),
    ...[source, ...helpers].map((file) => sources.get(file.href) ?? ''),
  ]);
  return fnv1a(parts.join('\0'));
}

/** FNV-1a in 32 bits (Fowler, Noll and Vo) over UTF-16 code units, as eight hexadecimal digits. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
