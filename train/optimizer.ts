import type { Engine } from '../engine/engine.ts';
import { adamwStep } from '../engine/ops/index.ts';
import type { Parameter, Tensor } from '../engine/tensor.ts';
import { toFloat32 } from '../model/weights/half.ts';
import type { HostTensor, StateDict } from '../model/weights/tensor_file.ts';
import { type ParameterRules, parameterSettings } from './parameter_groups.ts';

export interface OptimizerSettings extends ParameterRules {
  betas: readonly [number, number];
  eps: number;
}

interface Slot {
  parameter: Parameter;
  m: Tensor;
  v: Tensor;
  group: number;
  weightDecay: number;
}

/**
 * AdamW with a learning rate per parameter group. What changes from step to step is written into one small
 * buffer by {@link begin}, so that the dispatches of a step are the same every time.
 */
export class AdamW {
  /** Updates made so far, t of the bias correction. */
  updates = 0;
  private readonly slots: Slot[];
  /** Base learning rate of each parameter group. */
  readonly baseRates: readonly number[];
  private readonly schedule: Tensor;
  private readonly settings: OptimizerSettings;

  constructor(engine: Engine, parameters: readonly Parameter[], settings: OptimizerSettings) {
    this.settings = settings;
    const chosen = parameterSettings(
      parameters.map(({ name }) => name),
      settings,
    );
    this.baseRates = [...new Set([...chosen.values()].map(({ lr }) => lr))];
    this.schedule = engine.tensor(new Float32Array(2 + this.baseRates.length), [2 + this.baseRates.length]);
    this.slots = parameters.map((parameter) => {
      const { lr, weightDecay } = chosen.get(parameter.name)!;
      const [m, v] = [engine.zeros(parameter.shape), engine.zeros(parameter.shape)];
      return { parameter, m, v, group: this.baseRates.indexOf(lr), weightDecay };
    });
  }

  /**
   * Sets bias corrections and learning rates of the next update; call before recording it.
   * @param rate learning rate of this step for a group's base rate.
   */
  begin(rate: (base: number) => number): void {
    const [beta1, beta2] = this.settings.betas;
    const t = ++this.updates;
    this.schedule.write(Float32Array.from([1 - beta1 ** t, 1 - beta2 ** t, ...this.baseRates.map(rate)]));
  }

  /**
   * Records the update of every parameter that has a gradient.
   * @param divisor (1): gradients are divided by it (by 1 where it is less).
   * @param health (2), u32: nothing is updated once a step was bad.
   */
  apply(grads: ReadonlyMap<Parameter, Tensor>, divisor: Tensor, health: Tensor): void {
    const { betas, eps } = this.settings;
    for (const slot of this.slots) {
      const grad = grads.get(slot.parameter);
      if (!grad) continue;
      adamwStep({
        ...slot,
        grad,
        schedule: this.schedule,
        divisor,
        health,
        beta1: betas[0],
        beta2: betas[1],
        eps,
      });
    }
  }

  /** Moments under `optimizer.m.KEY` and `optimizer.v.KEY`. */
  async stateDict(): Promise<StateDict> {
    const state: StateDict = new Map();
    for (const { parameter, m, v } of this.slots) {
      for (const [kind, tensor] of [
        ['m', m],
        ['v', v],
      ] as const) {
        const data = (await tensor.read()) as Float32Array<ArrayBuffer>;
        state.set(momentKey(kind, parameter.name), { dtype: 'F32', shape: [...parameter.shape], data });
      }
    }
    return state;
  }

  /** Continues from saved moments. Every parameter must be there with its shape; `checkStateDict` sees to that. */
  restore(state: ReadonlyMap<string, HostTensor>, updates: number): void {
    this.updates = updates;
    for (const { parameter, m, v } of this.slots) {
      m.write(toFloat32(state.get(momentKey('m', parameter.name))!));
      v.write(toFloat32(state.get(momentKey('v', parameter.name))!));
    }
  }

  /** Names and shapes of {@link stateDict}. */
  stateShapes(): Map<string, readonly number[]> {
    return new Map(
      this.slots.flatMap(({ parameter }) =>
        (['m', 'v'] as const).map((kind) => [momentKey(kind, parameter.name), parameter.shape] as const),
      ),
    );
  }
}

function momentKey(kind: 'm' | 'v', name: string): string {
  return `optimizer.${kind}.${name}`;
}
