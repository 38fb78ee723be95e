import type { Engine } from './engine.ts';
import { ShapeError } from './errors.ts';
import { accumulate } from './ops/accumulate.ts';
import { show } from './shape.ts';
import { Tape } from './tape.ts';
import { type Parameter, Tensor } from './tensor.ts';

export interface ValueAndGrad {
  /** The loss. */
  value: Tensor;
  /** Parameters that the loss does not depend on are absent. */
  grads: Map<Parameter, Tensor>;
}

/**
 * Evaluates a scalar loss and its gradients. The loss may come with further tensors, as [loss, aux]. Value, aux
 * and gradients belong to the enclosing scope.
 * @param seed (1): the gradients are multiplied by it; 1 by default.
 * @throws ShapeError when the loss is not a scalar, or when called inside another `valueAndGrad`.
 */
export function valueAndGrad(
  engine: Engine,
  parameters: readonly Parameter[],
  loss: () => Tensor,
  seed?: Tensor,
): ValueAndGrad;
export function valueAndGrad<A>(
  engine: Engine,
  parameters: readonly Parameter[],
  loss: () => readonly [Tensor, A],
  seed?: Tensor,
): ValueAndGrad & { aux: A };
export function valueAndGrad(
  engine: Engine,
  parameters: readonly Parameter[],
  loss: () => Tensor | readonly [Tensor, unknown],
  seed = engine.one(),
): ValueAndGrad & { aux: unknown } {
  if (engine.tape) throw new ShapeError('valueAndGrad does not nest');
  const tape = new Tape(engine.scopes, (a, b) => accumulate({ a, b }));
  return engine.scope(() => {
    engine.tape = tape;
    try {
      const result = engine.scope(loss);
      engine.tape = null;
      const [value, aux] = result instanceof Tensor ? [result, undefined] : result;
      if (value.size !== 1) throw new ShapeError(`a loss has one element, this one is ${show(value.shape)}`);
      const start = engine.view(seed, value.shape);
      return { value: engine.detach(value), aux, grads: tape.backward(value, start, parameters) };
    } finally {
      engine.tape = null;
      tape.abandon();
    }
  });
}
