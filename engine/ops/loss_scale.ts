import { lossScale } from '../../kernels/optimizer/loss_scale.ts';
import { launch } from '../launch.ts';
import type { Tensor } from '../tensor.ts';

interface SettleArgs {
  /** (1): what gradients are to be divided by besides the scale (by 1 where it is less). */
  pairs: Tensor;
  /** (4), u32; holds the step in its third word. */
  state: Tensor;
  /** (2), u32, of `countNonFinite` over all gradients; set back for the next step. */
  found: Tensor;
  /** (2), u32, of `logStep`; an overflow at scale 1 is noted in it. */
  health: Tensor;
  /** (1): what the loss was multiplied by; halved after an overflow, doubled after `patience` steps without. */
  scale: Tensor;
  /** (1), u32: steps without an overflow since the scale changed. */
  streak: Tensor;
  patience: number;
  /** The scale grows no further. */
  highest: number;
}

/**
 * Decides about a step with a scaled loss. Micikevicius et al. 2018, arXiv:1710.03740, section 3.2.
 * @returns divisor (1) and health (2), for `adamwStep`.
 */
export function settleLossScale({ patience, highest, ...buffers }: SettleArgs): {
  divisor: Tensor;
  health: Tensor;
} {
  const { divisor, verdict } = launch(lossScale, { patience, highest }, buffers);
  return { divisor, health: verdict };
}
