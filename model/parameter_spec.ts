import type { Random } from '../engine/random.ts';
import { product } from '../engine/shape.ts';

/** How a parameter starts when no checkpoint gives it. */
export type Start =
  | { kind: 'constant'; value: number }
  | { kind: 'normal'; std: number }
  | { kind: 'uniform'; bound: number }
  | { kind: 'values'; values: readonly number[] };

export interface ParameterSpec {
  /** The key in published checkpoints. */
  name: string;
  shape: readonly number[];
  trainable: boolean;
  /**
   * Never part of the computation: carried in checkpoints for interchange, without gradient or decay. These are
   * the decoder tails and the self-attention that the release builds and does not call.
   */
  inert: boolean;
  start: Start;
  /** Parameters with the same key start identical: the release deep-copies the layers of a decoder. */
  twin?: string;
}

export const constant = (value: number): Start => ({ kind: 'constant', value });
export const ones = constant(1);
export const zeros = constant(0);
export const normal = (std: number): Start => ({ kind: 'normal', std });
export const uniform = (bound: number): Start => ({ kind: 'uniform', bound });
export const given = (values: readonly number[]): Start => ({ kind: 'values', values });

/** Describes one parameter of a part of the model; `name` is the key below the part's prefix. */
export type SpecMaker = (
  name: string,
  shape: readonly number[],
  start: Start,
  inert?: boolean,
) => ParameterSpec;

/** What describes the parameters below `prefix`, all of which train or none does. */
export function specsUnder(prefix: string, trainable: boolean): SpecMaker {
  return (name, shape, start, inert = false) => ({
    name: `${prefix}.${name}`,
    shape,
    trainable,
    inert,
    start,
  });
}

/** Scale and shift of a layernorm over `width` values. */
export function normSpecs(spec: SpecMaker, name: string, width: number, inert = false): ParameterSpec[] {
  return [spec(`${name}.weight`, [width], ones, inert), spec(`${name}.bias`, [width], zeros, inert)];
}

/** Draws a parameter's starting values. */
export function startValues({ shape, start }: ParameterSpec, random: Random): Float32Array<ArrayBuffer> {
  const values = new Float32Array(product(shape));
  switch (start.kind) {
    case 'constant':
      return values.fill(start.value);
    case 'values':
      return Float32Array.from(start.values);
    case 'normal':
      return values.map(() => start.std * random.normal());
    case 'uniform':
      return values.map(() => random.uniform(-start.bound, start.bound));
  }
}
