import type { Engine } from '../engine/engine.ts';
import { adamwStep } from '../engine/ops/index.ts';
import { clearRange, copyRange, pack, part } from '../engine/ranges.ts';
import type { Parameter, Tensor } from '../engine/tensor.ts';
import { toFloat32 } from '../model/weights/half.ts';
import type { HostTensor, StateDict } from '../model/weights/tensor_file.ts';
import { LossScale } from './loss_scale.ts';
import { type ParameterRules, type ParameterSetting, parameterSettings } from './parameter_groups.ts';

export interface OptimizerSettings extends ParameterRules {
  betas: readonly [number, number];
  eps: number;
}

/** A parameter's places in the buffers of its block. */
interface Slot {
  parameter: Parameter;
  start: number;
  grad: Tensor;
  m: Tensor;
  v: Tensor;
}

/** Parameters of one learning rate and decay side by side in one buffer, with their gradients and moments likewise. */
interface Block {
  slots: Slot[];
  values: Tensor;
  grads: Tensor;
  m: Tensor;
  v: Tensor;
  group: number;
  weightDecay: number;
}

const PREFIX = 'optimizer.';
const LOSS_SCALE = `${PREFIX}loss_scale`;
/** A block ends here: bindings of 128 MiB are all that every adapter has. */
const BLOCK_ELEMENTS = 2 ** 24;

/**
 * AdamW with a learning rate per parameter group. Parameters are moved into a few large buffers, so that one dispatch
 * updates all that have the same learning rate and decay. What changes from step to step is written into one small
 * buffer by {@link begin}, so that the dispatches of a step are the same every time.
 */
export class AdamW {
  /** Updates made so far, t of the bias correction. */
  updates = 0;
  private readonly engine: Engine;
  private readonly blocks: Block[];
  /** In the order in which the parameters were given. */
  private readonly slots: Slot[];
  /** Parameters whose gradients were gathered last. */
  private present = new Set<Parameter>();
  /** Base learning rate of each parameter group. */
  readonly baseRates: readonly number[];
  /** What the loss is multiplied by where activations are stored in f16; null in f32. */
  readonly lossScale: LossScale | null;
  private readonly schedule: Tensor;
  private readonly settings: OptimizerSettings;

  constructor(engine: Engine, parameters: readonly Parameter[], settings: OptimizerSettings) {
    this.engine = engine;
    this.settings = settings;
    this.lossScale = engine.precision === 'f16' ? new LossScale(engine) : null;
    const chosen = parameterSettings(
      parameters.map(({ name }) => name),
      settings,
    );
    this.baseRates = [...new Set([...chosen.values()].map(({ lr }) => lr))];
    this.schedule = engine.tensor(new Float32Array(2 + this.baseRates.length), [2 + this.baseRates.length]);
    this.blocks = blocksOf(parameters, chosen).map((members) => {
      const { lr, weightDecay } = chosen.get(members[0].name)!;
      return makeBlock(engine, members, this.baseRates.indexOf(lr), weightDecay);
    });
    const slots = new Map(
      this.blocks.flatMap((block) => block.slots.map((slot) => [slot.parameter, slot] as const)),
    );
    this.slots = parameters.map((parameter) => slots.get(parameter)!);
  }

  /**
   * Sets bias corrections and learning rates of the next update; call before recording it. With a loss scale a step
   * whose gradients overflow counts, too, as the host does not learn of it, where PyTorch's scaler would not count it. The
   * harm is small: the scale begins with at most sixteen such steps, after which the first updates, in the warm-up, come
   * out smaller by up to a half.
   * @param rate learning rate of this step for a group's base rate.
   */
  begin(rate: (base: number) => number): void {
    const [beta1, beta2] = this.settings.betas;
    const t = ++this.updates;
    this.schedule.write(Float32Array.from([1 - beta1 ** t, 1 - beta2 ** t, ...this.baseRates.map(rate)]));
  }

  /**
   * Records that gradients are gathered for {@link update}.
   * @returns all of them in a few tensors, with zeros between and for parameters without one.
   */
  gather(grads: ReadonlyMap<Parameter, Tensor>): Tensor[] {
    this.present = new Set(grads.keys());
    for (const { parameter, grad } of this.slots) {
      const given = grads.get(parameter);
      if (given) copyRange(this.engine, given, grad);
      else clearRange(this.engine, grad);
    }
    return this.blocks.map((block) => block.grads);
  }

  /**
   * Records the update of every parameter whose gradient was gathered.
   * @param divisor (1): gradients are divided by it (by 1 where it is less).
   * @param health (2), u32: nothing is updated once a step was bad.
   */
  update(divisor: Tensor, health: Tensor): void {
    const { betas, eps } = this.settings;
    const common = { schedule: this.schedule, divisor, health, beta1: betas[0], beta2: betas[1], eps };
    for (const { values, grads, m, v, group, weightDecay, slots } of this.blocks) {
      for (const [start, length] of this.runs(slots)) {
        this.engine.scope(() => {
          const run = (tensor: Tensor): Tensor => part(this.engine, tensor, start, [length]);
          adamwStep({
            ...common,
            parameter: run(values),
            grad: run(grads),
            m: run(m),
            v: run(v),
            group,
            weightDecay,
          });
        });
      }
    }
  }

  /** Begin and length of every run of neighbours that have a gradient. */
  private runs(slots: readonly Slot[]): [start: number, length: number][] {
    const found: [number, number][] = [];
    let open = false;
    for (const { parameter, start } of slots) {
      const present = this.present.has(parameter);
      if (present && !open) found.push([start, 0]);
      if (present) found[found.length - 1][1] = start + parameter.size - found[found.length - 1][0];
      open = present;
    }
    return found;
  }

  /** Moments under `optimizer.m.KEY` and `optimizer.v.KEY`, and the loss scale where there is one. */
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
    if (this.lossScale) state.set(LOSS_SCALE, await this.lossScale.values());
    return state;
  }

  /** Continues from saved moments. Every parameter must be there with its shape; `checkStateDict` sees to that. */
  restore(state: ReadonlyMap<string, HostTensor>, updates: number): void {
    this.updates = updates;
    for (const { parameter, m, v } of this.slots) {
      m.write(toFloat32(state.get(momentKey('m', parameter.name))!));
      v.write(toFloat32(state.get(momentKey('v', parameter.name))!));
    }
    this.lossScale?.restore(toFloat32(state.get(LOSS_SCALE)!));
  }

  /** Names and shapes of {@link stateDict}. */
  stateShapes(): Map<string, readonly number[]> {
    const shapes = new Map<string, readonly number[]>(
      this.slots.flatMap(({ parameter }) =>
        (['m', 'v'] as const).map((kind) => [momentKey(kind, parameter.name), parameter.shape] as const),
      ),
    );
    if (this.lossScale) shapes.set(LOSS_SCALE, [2]);
    return shapes;
  }

  /** Gives gradients, moments and what else is its own back; the parameters stay where they are. */
  dispose(): void {
    const whole = this.blocks.flatMap(({ grads, m, v }) => [grads, m, v]);
    const parts = this.slots.flatMap(({ grad, m, v }) => [grad, m, v]);
    for (const tensor of [...whole, ...parts, this.schedule]) tensor.dispose();
    this.lossScale?.dispose();
  }
}

/** Parameters of equal settings, as many together as fit a block. */
function blocksOf(
  parameters: readonly Parameter[],
  settings: ReadonlyMap<string, ParameterSetting>,
): Parameter[][] {
  const blocks: Parameter[][] = [];
  const open = new Map<string, { members: Parameter[]; room: number }>();
  for (const parameter of parameters) {
    const { lr, weightDecay } = settings.get(parameter.name)!;
    const key = `${lr} ${weightDecay}`;
    let block = open.get(key);
    if (!block || block.room < parameter.size) {
      block = { members: [], room: BLOCK_ELEMENTS };
      open.set(key, block);
      blocks.push(block.members);
    }
    block.members.push(parameter);
    block.room -= parameter.size;
  }
  return blocks;
}

function makeBlock(
  engine: Engine,
  parameters: readonly Parameter[],
  group: number,
  weightDecay: number,
): Block {
  const { whole: values, starts } = pack(engine, parameters);
  const [grads, m, v] = [engine.zeros(values.shape), engine.zeros(values.shape), engine.zeros(values.shape)];
  const slots = parameters.map((parameter, i) => {
    const own = (tensor: Tensor): Tensor => part(engine, tensor, starts[i], parameter.shape);
    return { parameter, start: starts[i], grad: own(grads), m: own(m), v: own(v) };
  });
  return { slots, values, grads, m, v, group, weightDecay };
}

function momentKey(kind: 'm' | 'v', name: string): string {
  return `${PREFIX}${kind}.${name}`;
}

/** Whether a checkpoint's tensor is the optimiser's and not the model's. */
export function isOptimizerTensor(name: string): boolean {
  return name.startsWith(PREFIX);
}
