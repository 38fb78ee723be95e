import type { AdapterFacts, AnyKernel, Dims, Tile, Variant } from '../../kernels/kernel.ts';
import { AdapterError } from '../errors.ts';

export interface Choice {
  variant: Variant;
  tile: Tile;
}

/** Which variant and tile each kernel runs with on this adapter. */
export class TileTable {
  private readonly facts: AdapterFacts;
  private readonly defaults = new Map<AnyKernel, Choice>();
  private readonly forced = new Map<string, Choice>();

  constructor(facts: AdapterFacts) {
    this.facts = facts;
  }

  choose(kernel: AnyKernel, _dims: Dims): Choice {
    return this.forced.get(kernel.name) ?? this.defaultOf(kernel);
  }

  /** Fixes a kernel's variant and tile, for tests, tuning and the bench; null lifts it again. */
  force(kernel: AnyKernel, choice: Choice | null): void {
    if (choice) this.forced.set(kernel.name, choice);
    else this.forced.delete(kernel.name);
  }

  /** The variants that can run here. */
  fitting(kernel: AnyKernel): Variant[] {
    return kernel.variants.filter((variant) => variant.fits?.(this.facts) ?? true);
  }

  private defaultOf(kernel: AnyKernel): Choice {
    let choice = this.defaults.get(kernel);
    if (!choice) {
      const variant = this.fitting(kernel)[0];
      if (!variant) throw new AdapterError(`no variant of kernel ${kernel.name} fits this adapter`);
      choice = { variant, tile: variant.tile.default };
      this.defaults.set(kernel, choice);
    }
    return choice;
  }
}
