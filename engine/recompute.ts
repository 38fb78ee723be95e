import type { Engine } from './engine.ts';
import type { Tensor } from './tensor.ts';

/**
 * Runs `body`, part of a loss, so that its intermediate tensors are not kept for backward: backward runs it once more
 * when it gets there. Chen et al. 2016, "Training deep nets with sublinear memory cost", arXiv:1604.06174. The result
 * and every gradient are bit for bit what they are without. Does nothing special where the engine's `checkpointing` is
 * off or nothing is being recorded.
 * @param inputs tensors that the caller made and `body` uses; they are kept. Parameters need not be named.
 * @param body must compute the same every time: what it draws at random must depend on the step and a number alone.
 */
export function recompute<Inputs extends readonly Tensor[]>(
  engine: Engine,
  inputs: Inputs,
  body: (...inputs: Inputs) => Tensor,
): Tensor {
  const { tape, label } = engine;
  if (!engine.checkpointing || tape === null) return engine.scope(() => body(...inputs));
  const output = tape.without(() => engine.scope(() => body(...inputs)));
  if (!output.requiresGrad) return output;
  tape.record({
    op: 'recompute',
    inputs: new Map(),
    outputs: [output],
    save: inputs,
    adds: [],
    vjp: () => ({}),
    replay: () => {
      const place = engine.label;
      engine.tape = tape;
      engine.label = label;
      try {
        // its values are not needed again, only what the tape now holds
        return [engine.scope(() => body(...inputs).id)];
      } finally {
        engine.tape = null;
        engine.label = place;
      }
    },
  });
  return output;
}
