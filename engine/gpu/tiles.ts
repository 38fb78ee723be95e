import {
  type AdapterFacts,
  type AnyKernel,
  aliasesOf,
  type Dims,
  defaultTile,
  elementType,
  type Stores,
  type StoreType,
  type Tile,
  type Variant,
} from '../../kernels/kernel.ts';
import { AdapterError } from '../errors.ts';
import type { TunedTile } from './platform.ts';
import type { Tuning } from './tuner.ts';

export interface Choice {
  variant: Variant;
  tile: Tile;
}

/**
 * Which variant and tile each kernel runs with on this adapter: what was forced, else what was tuned, else the
 * first variant that fits with its default tile.
 */
export class TileTable {
  /** Choices measured on this adapter; nobody needs to have any. */
  readonly tuning: Tuning;
  private readonly facts: AdapterFacts;
  private readonly defaults = new Map<AnyKernel, Choice>();
  private readonly forced = new Map<string, Choice>();
  private readonly known = new WeakMap<TunedTile, Choice>();

  constructor(facts: AdapterFacts, tuning: Tuning) {
    this.facts = facts;
    this.tuning = tuning;
  }

  choose(kernel: AnyKernel, dims: Dims, stores: Stores = 'f32'): Choice {
    return this.forced.get(kernel.name) ?? this.tuned(kernel, dims, stores) ?? this.defaultOf(kernel);
  }

  /** Fixes a kernel's variant and tile, for tests and whole-model benches; null lifts it again. */
  force(kernel: AnyKernel, choice: Choice | null): void {
    if (choice) this.forced.set(kernel.name, choice);
    else this.forced.delete(kernel.name);
  }

  /** The variants that can run here. */
  fitting(kernel: AnyKernel): Variant[] {
    return kernel.variants.filter((variant) => variant.fits?.(this.facts) ?? true);
  }

  /** What a kernel runs with where nothing was forced or tuned. */
  defaultOf(kernel: AnyKernel): Choice {
    let choice = this.defaults.get(kernel);
    if (!choice) {
      const variant = this.fitting(kernel)[0];
      if (!variant) throw new AdapterError(`no variant of kernel ${kernel.name} fits this adapter`);
      choice = { variant, tile: this.untunedTile(variant) };
      this.defaults.set(kernel, choice);
    }
    return choice;
  }

  /** What a variant runs with here where nothing was forced or tuned. */
  untunedTile(variant: Variant): Tile {
    return defaultTile(variant, this.facts);
  }

  private tuned(kernel: AnyKernel, dims: Dims, stores: Stores): Choice | undefined {
    if (this.tuning.empty) return undefined;
    // a launch that mixes precisions goes by the choice for f16
    const half = aliasesOf(kernel).some((alias) => elementType(alias, stores) === 'f16');
    const store: StoreType = half ? 'f16' : 'f32';
    const entry = this.tuning.find(kernel, dims, store);
    if (!entry) return undefined;
    let choice = this.known.get(entry);
    if (!choice) {
      const variant = this.fitting(kernel).find(({ name }) => name === entry.variant);
      choice = variant ? { variant, tile: entry.tile } : this.defaultOf(kernel);
      this.known.set(entry, choice);
    }
    return choice;
  }
}
