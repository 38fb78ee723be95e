import { quickGeluBackward, reluBackward } from '../../kernels/activation/activation.ts';
import { ACTIVATION } from '../../kernels/matmul/reference.ts';
import { ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { expectShape, rowsOf, show } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { columnSums } from './column_sums.ts';
import { launchMatmul } from './launch_matmul.ts';

interface LinearArgs {
  /** (..., in) */
  x: Tensor;
  /** (out, in), as PyTorch stores it. */
  weight: Tensor;
  /** (out) */
  bias?: Tensor;
  activation?: keyof typeof activations;
  /** (..., out), added last. */
  residual?: Tensor;
}

const activations = { quick_gelu: quickGeluBackward, relu: reluBackward };

/**
 * activation(x weight^T + bias) + residual: (..., out), in one kernel, stored as x is. The weight may be stored in
 * another precision.
 * @throws ShapeError when x and weight differ in their last axis, or bias or residual do not fit.
 */
export const linear = defineOp({
  name: 'linear',
  forward: ({ x, weight, bias, activation, residual }: LinearArgs, recording) => {
    expectShape('linear: weight', weight.shape, [null, null]);
    const [outputs, inputs] = weight.shape;
    const { rows, cols } = rowsOf(x.shape);
    if (cols !== inputs) {
      throw new ShapeError(
        `linear: x ${show(x.shape)}, weight ${show(weight.shape)}: inner ${cols} != ${inputs}`,
      );
    }
    const shape = [...x.shape.slice(0, -1), outputs];
    if (bias) expectShape('linear: bias', bias.shape, [outputs]);
    if (residual) expectShape('linear: residual', residual.shape, shape);
    const engine = engineOf({ x });
    const bends = activation && recording && [x, weight, bias].some((input) => input?.requiresGrad);
    const preactivation = bends ? engine.empty(shape, x.dtype) : undefined;
    const output = launchMatmul(
      { a: x, b: weight, c: engine.empty(shape, x.dtype), bias, residual, preactivation },
      { m: rows, n: outputs, k: inputs, activation: ACTIVATION[activation ?? 'none'] },
      { transposeB: true },
    );
    return {
      output,
      save: {
        x: weight.requiresGrad ? x : null,
        weight: x.requiresGrad ? weight : null,
        preactivation,
        activation,
        rows,
        inputs,
        outputs,
        xShape: x.shape,
        dtype: x.dtype,
      },
    };
  },
  adds: ['x'],
  vjp: (
    dy,
    { x, weight, preactivation, activation, rows, inputs, outputs, xShape, dtype },
    needs,
    before,
  ) => {
    const engine = engineOf({ dy });
    const grads: Gradients<LinearArgs> = {};
    if (needs.residual) grads.residual = dy;
    if (!needs.x && !needs.weight && !needs.bias) return grads;
    const dz =
      activation && preactivation
        ? launch(activations[activation], { count: dy.size, period: dy.size }, { a: preactivation, b: dy }).y
        : dy;
    if (needs.x && weight) {
      const c = engine.empty(xShape, dtype);
      grads.x = launchMatmul({ a: dz, b: weight, c, residual: before.x }, { m: rows, n: inputs, k: outputs });
    }
    if (needs.weight && x) {
      const c = engine.empty([outputs, inputs]);
      grads.weight = launchMatmul(
        { a: dz, b: x, c },
        { m: outputs, n: inputs, k: rows },
        { transposeA: true },
      );
    }
    if (needs.bias) grads.bias = columnSums(dz, rows, outputs);
    return grads;
  },
});
