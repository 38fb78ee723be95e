import { adamw, finite, stepLog, UNSEEN } from '../../kernels/optimizer/optimizer.ts';
import type { Engine } from '../engine.ts';
import { engineOf, launch } from '../launch.ts';
import type { Tensor } from '../tensor.ts';
import { bits } from './cast.ts';

export interface AdamwArgs {
  /** What is updated in place: a parameter, or many of one learning rate and decay side by side. */
  parameter: Tensor;
  grad: Tensor;
  /** First and second moments of as many elements; updated in place. */
  m: Tensor;
  v: Tensor;
  /** (2 + groups): 1 - beta1^t, 1 - beta2^t, then the learning rate of each group. */
  schedule: Tensor;
  /** (1): gradients are divided by it, or by 1 where it is less. */
  divisor: Tensor;
  /** (2), u32, of {@link logStep}: nothing is updated once a step was bad. */
  health: Tensor;
  group: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
}

/** One fused AdamW step in place. Loshchilov & Hutter 2019, arXiv:1711.05101. */
export function adamwStep(args: AdamwArgs): void {
  const { parameter: p, grad, m, v, schedule, divisor, health, group, beta1, beta2, eps, weightDecay } = args;
  const dims = { count: p.size, group, beta1, beta2, eps, weight_decay: weightDecay };
  launch(adamw, dims, { grad, schedule, divisor, health, p, m, v });
}

/**
 * Files a step's loss parts (4) in row `step % rows` of `ring` (rows, 4) and notes in `health` (2: bad steps,
 * first bad step) when one is not finite. `state` (4), u32, holds the step in its third word.
 */
export function logStep({
  loss,
  state,
  ring,
  health,
}: Record<'loss' | 'state' | 'ring' | 'health', Tensor>): void {
  engineOf({ ring }).scope(() => {
    launch(stepLog, { rows: ring.shape[0] }, { loss: bits(loss), state, ring: bits(ring), health });
  });
}

/** Adds to `found` (2, u32): how many elements of `x` (f32, f16) are NaN or infinite, and the lowest index of one. */
export function countNonFinite({ x, found }: { x: Tensor; found: Tensor }): void {
  engineOf({ x }).scope(() => {
    launch(finite, { count: x.size }, { x: bits(x), found });
  });
}

/** A fresh counter for {@link countNonFinite}. */
export function nonFiniteCounter(engine: Engine): Tensor {
  return engine.tensor(Uint32Array.of(0, UNSEEN), [2]);
}
