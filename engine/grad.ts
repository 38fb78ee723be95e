import type { Engine } from './engine.ts';
import { ShapeError } from './errors.ts';
import { accumulate } from './ops/accumulate.ts';
import { show } from './shape.ts';
import { Tape } from './tape.ts';
import type { Parameter, Tensor } from './tensor.ts';

/**
 * Evaluates a scalar loss and its gradients. Parameters that the loss does not depend on are absent from `grads`.
 * Value and gradients belong to the enclosing scope.
 * @throws ShapeError when the loss is not a scalar, or when called inside another `valueAndGrad`.
 */
export function valueAndGrad(
  engine: Engine,
  parameters: readonly Parameter[],
  loss: () => Tensor,
): { value: Tensor; grads: Map<Parameter, Tensor> } {
  if (engine.tape) throw new ShapeError('valueAndGrad does not nest');
  const tape = new Tape(engine.scopes, (a, b) => accumulate({ a, b }));
  return engine.scope(() => {
    engine.tape = tape;
    try {
      const value = loss();
      engine.tape = null;
      if (value.size !== 1) throw new ShapeError(`a loss has one element, this one is ${show(value.shape)}`);
      const seed = engine.view(engine.one(), value.shape);
      return { value: engine.detach(value), grads: tape.backward(value, seed, parameters) };
    } finally {
      engine.tape = null;
      tape.abandon();
    }
  });
}
