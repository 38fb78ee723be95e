import type { Engine } from '../engine/engine.ts';
import { countNonFinite, nonFiniteCounter, settleLossScale } from '../engine/ops/index.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { HostTensor } from '../model/weights/tensor_file.ts';

/** Where the scale starts, and after how many finite steps it doubles: the usual numbers of mixed-precision training. */
const START = 2 ** 16;
const PATIENCE = 2000;
/** Gradients that never overflow, such as zeros, must not drive the scale to infinity. */
const HIGHEST = 2 ** 24;

/**
 * A power of two that the loss is multiplied by, so that small gradients of activations do not vanish in f16; the
 * optimiser divides by it again. It lives on the GPU: a step whose gradients overflow updates nothing and halves it.
 */
export class LossScale {
  /** (1): the gradient of the loss with respect to itself. */
  readonly factor: Tensor;
  private readonly streak: Tensor;
  private readonly found: Tensor;

  constructor(engine: Engine) {
    this.factor = engine.tensor([START], [1]);
    this.streak = engine.zeros([1], 'u32');
    this.found = nonFiniteCounter(engine);
  }

  /**
   * Records what becomes of a step.
   * @param grads all gradients, times the scale.
   * @param pairs (1): what they are to be divided by besides.
   * @param state (4), u32; @param health (2), u32: of the step's log.
   * @returns divisor and health for the optimiser.
   */
  settle(
    grads: readonly Tensor[],
    pairs: Tensor,
    state: Tensor,
    health: Tensor,
  ): { divisor: Tensor; health: Tensor } {
    const { factor: scale, streak, found } = this;
    for (const x of grads) countNonFinite({ x, found });
    return settleLossScale({
      pairs,
      state,
      found,
      health,
      scale,
      streak,
      patience: PATIENCE,
      highest: HIGHEST,
    });
  }

  /** (2): the scale and its streak, for a checkpoint. */
  async values(): Promise<HostTensor> {
    const data = Float32Array.of((await this.factor.read())[0], (await this.streak.read())[0]);
    return { dtype: 'F32', shape: [2], data };
  }

  restore([scale, streak]: ArrayLike<number> & Iterable<number>): void {
    this.factor.write(Float32Array.of(scale));
    this.streak.write(Uint32Array.of(streak));
  }

  dispose(): void {
    for (const tensor of [this.factor, this.streak, this.found]) tensor.dispose();
  }
}
