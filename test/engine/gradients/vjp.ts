import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { mulberry32, worstError } from '../../../engine/gpu/run.ts';
import { valueAndGrad } from '../../../engine/grad.ts';
import { defineOp } from '../../../engine/op.ts';
import { product, type Shape } from '../../../engine/shape.ts';
import type { Tensor } from '../../../engine/tensor.ts';

/** Values on the host, in the precision that references compute with. */
export type Host = Record<string, Float64Array>;
export type Inputs = Record<string, { shape: Shape; values: Float64Array }>;
/** What is checked: an operation of some tensors, with one output or several. */
export type Op = (tensors: Record<string, Tensor>) => Tensor | readonly Tensor[];

/** Uniform values in [-scale, scale) that float32 can hold. */
export function values(shape: Shape, seed: number, scale = 1): Inputs[string] {
  const random = mulberry32(seed);
  const filled = Float32Array.from({ length: product(shape) }, () => scale * (2 * random() - 1));
  return { shape, values: Float64Array.from(filled) };
}

/** A loss of value 0 whose gradient with respect to output i is `dys[i]`. */
const seeded = defineOp({
  name: 'seeded',
  forward: ({ dys, zero }: { ys: readonly Tensor[]; dys: readonly Tensor[]; zero: Tensor }) => ({
    output: zero,
    save: { dys },
  }),
  vjp: (_, { dys }) => ({ ys: dys }),
});

export interface Found {
  /** All outputs, one after the other. */
  y: Float64Array;
  /** By input name; only the trainable ones that the outputs depend on. */
  gradients: Host;
}

/**
 * Evaluates an operation and its gradients on the GPU.
 * @param dy gradients of all outputs, one after the other
 * @param trainable names of the inputs whose gradients are wanted
 */
export async function evaluate(
  engine: Engine,
  inputs: Inputs,
  op: Op,
  dy: Float64Array,
  trainable: readonly string[] = Object.keys(inputs),
): Promise<Found> {
  const parameters = Object.entries(inputs).map(([name, input]) =>
    engine.parameter(name, Float32Array.from(input.values), input.shape, trainable.includes(name)),
  );
  const tensors = Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter]));
  const gradients = await engine.fetch(() => {
    const { grads } = valueAndGrad(engine, parameters, () => {
      const ys = [op(tensors)].flat();
      let at = 0;
      const dys = ys.map((y) => {
        at += y.size;
        return engine.tensor(Float32Array.from(dy.subarray(at - y.size, at)), y.shape);
      });
      return seeded({ ys, dys, zero: engine.zeros([1]) });
    });
    return Object.fromEntries([...grads].map(([parameter, gradient]) => [parameter.name, gradient]));
  });
  // once more without a tape, as inference runs it
  const outputs = await engine.fetch(() =>
    Object.fromEntries([op(tensors)].flat().map((y, i) => [`${i}`, y])),
  );
  for (const parameter of parameters) parameter.dispose();
  return {
    y: Float64Array.from(Object.values(outputs).flatMap((part) => Array.from(part))),
    gradients: Object.fromEntries(Object.entries(gradients).map(([k, v]) => [k, Float64Array.from(v)])),
  };
}

/**
 * Checks an operation's output against its float64 reference; each gradient, along random directions, against
 * central differences of that reference; and that a gradient wanted alone has the same bits.
 * @param reference all outputs, one after the other
 * @param tolerance of outputs, relative to the largest; gradients may be ten times as far off
 */
export async function checkOp(
  engine: Engine,
  inputs: Inputs,
  op: Op,
  reference: (host: Host) => ArrayLike<number>,
  tolerance = 1e-6,
): Promise<void> {
  const random = mulberry32(77);
  const host: Host = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.values]));
  const truth = Float64Array.from(reference(host));
  const dy = Float64Array.from(Float32Array.from(truth, () => 2 * random() - 1));
  const { y, gradients } = await evaluate(engine, inputs, op, dy);
  const error = worstError(y, truth);
  assert.ok(error <= tolerance, `output is off by ${error}`);
  const objective = (at: Host): number =>
    Float64Array.from(reference(at)).reduce((s, v, i) => s + v * dy[i], 0);
  for (const [name, { values: start }] of Object.entries(inputs)) {
    const gradient = gradients[name];
    assert.is(gradient?.length, start.length, `gradient of ${name}`);
    for (let round = 0; round < 3; round++) {
      const direction = start.map(() => 2 * random() - 1);
      const step = 1e-5;
      const moved = (way: number): Host => ({ ...host, [name]: start.map((v, i) => v + way * direction[i]) });
      const wanted = (objective(moved(step)) - objective(moved(-step))) / (2 * step);
      const got = gradient.reduce((s, g, i) => s + g * direction[i], 0);
      // a projection of rounding errors grows like the gradient's length; the differences themselves give 1e-8
      const length = Math.sqrt(gradient.reduce((s, g) => s + g * g, 0));
      const allowed = 10 * tolerance * length + 1e-8;
      assert.ok(
        Math.abs(got - wanted) <= allowed,
        `gradient of ${name} along a line: ${got}, wanted ${wanted}`,
      );
    }
    const alone = await evaluate(engine, inputs, op, dy, [name]);
    assert.equal(Object.keys(alone.gradients), [name]);
    assert.equal(alone.gradients[name], gradient, `gradient of ${name} alone`);
  }
}

/** Names of the kernels that `body` launches, in order. */
export function launched(engine: Engine, body: () => void): string[] {
  const names: string[] = [];
  const { trace } = engine;
  engine.trace = (name) => names.push(name);
  try {
    engine.scope(body);
  } finally {
    engine.trace = trace;
  }
  return names;
}
