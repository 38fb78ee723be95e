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
 * first variant that fits with its default tile. A variant that does not take the sizes is passed over.
 */
export class TileTable {
  /** Choices measured on this adapter; nobody needs to have any. */
  readonly tuning: Tuning;
  private readonly facts: AdapterFacts;
  private readonly defaults = new Map<AnyKernel, Choice[]>();
  private readonly forced = new Map<string, Choice>();
  private readonly known = new WeakMap<TunedTile, Choice>();

  constructor(facts: AdapterFacts, tuning: Tuning) {
    this.facts = facts;
    this.tuning = tuning;
  }

  choose(kernel: AnyKernel, dims: Dims, stores: Stores = 'f32'): Choice {
    const wanted = this.forced.get(kernel.name) ?? this.tuned(kernel, dims, stores);
    return wanted && takes(wanted.variant, dims) ? wanted : this.defaultOf(kernel, dims);
  }

  /** Fixes a kernel's variant and tile, for tests and whole-model benches; null lifts it again. */
  force(kernel: AnyKernel, choice: Choice | null): void {
    if (choice) this.forced.set(kernel.name, choice);
    else this.forced.delete(kernel.name);
  }

  /** The variants that can run here, with these sizes if any are given. */
  fitting(kernel: AnyKernel, dims?: Dims): Variant[] {
    const variants = this.defaultsOf(kernel).map(({ variant }) => variant);
    return dims ? variants.filter((variant) => takes(variant, dims)) : variants;
  }

  /** What a kernel runs these sizes with where nothing was forced or tuned. */
  defaultOf(kernel: AnyKernel, dims: Dims): Choice {
    const choice = this.defaultsOf(kernel).find(({ variant }) => takes(variant, dims));
    if (!choice) throw new AdapterError(`no variant of kernel ${kernel.name} fits this adapter`);
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
      if (!variant) return undefined;
      choice = { variant, tile: entry.tile };
      this.known.set(entry, choice);
    }
    return choice;
  }

  /** The variants that can run here, each with the tile it begins with. */
  private defaultsOf(kernel: AnyKernel): Choice[] {
    let choices = this.defaults.get(kernel);
    if (!choices) {
      const variants = kernel.variants.filter((variant) => variant.fits?.(this.facts) ?? true);
      choices = variants.map((variant) => ({ variant, tile: this.untunedTile(variant) }));
      this.defaults.set(kernel, choices);
    }
    return choices;
  }
}

function takes(variant: Variant, dims: Dims): boolean {
  return variant.takes?.(dims) ?? true;
}
