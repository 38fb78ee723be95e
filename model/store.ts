import type { Engine } from '../engine/engine.ts';
import { ShapeError } from '../engine/errors.ts';
import { Random } from '../engine/random.ts';
import { sameShape, show } from '../engine/shape.ts';
import type { Parameter, Tensor } from '../engine/tensor.ts';
import { type ParameterSpec, startValues } from './parameter_spec.ts';
import { toFloat32 } from './weights/half.ts';
import type { HostTensor, StateDict } from './weights/tensor_file.ts';

/** A place among the parameters: keys are looked up below a prefix. */
export interface Weights {
  get(name: string): Tensor;
  under(prefix: string): Weights;
}

/** The weights below a prefix of whatever `get` looks full keys up in. */
export function weightsBelow(get: (name: string) => Tensor, prefix: string): Weights {
  return {
    get: (name) => get(`${prefix}.${name}`),
    under: (more) => weightsBelow(get, `${prefix}.${more}`),
  };
}

/** The matrices of the image tower that do not train: nearly all of the model's bytes. */
function isFrozenMatrix({ name, shape, trainable }: ParameterSpec): boolean {
  return !trainable && shape.length > 1 && name.startsWith('backbone.') && !name.endsWith('embedding');
}

/**
 * A model's parameters by checkpoint key: those that are computed with live on the GPU, inert ones are kept on
 * the host and only travel from checkpoint to checkpoint. Frozen matrices of the image tower are stored in the
 * engine's precision, everything else in f32.
 */
export class ParameterStore implements Weights {
  readonly specs: readonly ParameterSpec[];
  private readonly parameters = new Map<string, Parameter>();
  private readonly inert = new Map<string, HostTensor>();

  /**
   * @param given values by key; what is missing starts from the seed.
   * @throws ShapeError when a given tensor has another shape than the configuration wants.
   */
  constructor(engine: Engine, specs: readonly ParameterSpec[], given: StateDict, seed: number) {
    this.specs = specs;
    const twins = new Map<string, Float32Array<ArrayBuffer>>();
    for (const [index, spec] of specs.entries()) {
      const values = this.valuesOf(spec, given, () => {
        const known = spec.twin === undefined ? undefined : twins.get(spec.twin);
        const drawn = known ?? startValues(spec, new Random(seed, index));
        if (spec.twin !== undefined) twins.set(spec.twin, drawn);
        return drawn;
      });
      if (spec.inert) this.inert.set(spec.name, { dtype: 'F32', shape: [...spec.shape], data: values });
      else {
        const { name, shape, trainable } = spec;
        const dtype = isFrozenMatrix(spec) ? engine.precision : 'f32';
        this.parameters.set(name, engine.parameter(name, values, shape, trainable, dtype));
      }
    }
  }

  get(name: string): Parameter {
    const parameter = this.parameters.get(name);
    if (!parameter) throw new ShapeError(`the model has no parameter ${name}`);
    return parameter;
  }

  under(prefix: string): Weights {
    return weightsBelow((name) => this.get(name), prefix);
  }

  /** The parameters that training updates, in checkpoint order. */
  get trainable(): Parameter[] {
    return [...this.parameters.values()].filter((parameter) => parameter.trainable);
  }

  /** Every parameter's values under its checkpoint key, inert ones included, in checkpoint order. */
  async stateDict(): Promise<StateDict> {
    const state: StateDict = new Map();
    for (const { name, shape } of this.specs) {
      const kept = this.inert.get(name);
      const data = kept ? kept.data : ((await this.get(name).read()) as Float32Array<ArrayBuffer>);
      state.set(name, { dtype: 'F32', shape: [...shape], data });
    }
    return state;
  }

  private valuesOf(
    spec: ParameterSpec,
    given: StateDict,
    draw: () => Float32Array<ArrayBuffer>,
  ): Float32Array<ArrayBuffer> {
    const tensor = given.get(spec.name);
    if (!tensor) return draw();
    if (!sameShape(tensor.shape, spec.shape)) {
      throw new ShapeError(
        `${spec.name} is ${show(tensor.shape)}, the configuration wants ${show(spec.shape)}`,
      );
    }
    return toFloat32(tensor);
  }
}
