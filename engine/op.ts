import type { Engine } from './engine.ts';
import { engineOf } from './launch.ts';
import { Tensor, tensorsIn } from './tensor.ts';

/** For each argument, whether backward must give its gradient. */
export type Needs<A> = { readonly [K in keyof A]: boolean };
/** Gradients by argument name; arrays for arguments that are arrays of tensors. */
export type Gradients<A> = {
  [K in keyof A]?: A[K] extends readonly Tensor[] ? readonly (Tensor | undefined)[] : Tensor;
};
/** By argument name: the gradient that has reached an input from elsewhere. */
export type Before<A> = { readonly [K in keyof A]?: Tensor };
/** What an operation gives: one tensor, or several. */
export type Output = Tensor | readonly Tensor[];
type OutputGradients<O> = O extends Tensor ? Tensor : readonly (Tensor | undefined)[];

export interface OpSpec<A extends object, O extends Output, S> {
  /** The kernel family's name. */
  name: string;
  /** Computes the output. `recording` says whether `save` will be used: what only backward wants need not be made otherwise. */
  forward(args: A, recording: boolean): { output: O; save: S };
  /**
   * Vector-Jacobian product. Gradients that `needs` does not ask for need not be computed.
   * @param before gradients to be added to those of the inputs in `adds`, where there are any.
   */
  vjp(dy: OutputGradients<O>, save: S, needs: Needs<A>, before: Before<A>): Gradients<A>;
  /** The inputs, single tensors, for which `vjp` adds `before`, which saves a dispatch where gradients meet. */
  adds?: readonly (keyof A & string)[];
}

/**
 * Makes a differentiable operation. Arguments that are tensors, or arrays of tensors, are its inputs, everything
 * else is a setting. Only `output` outlives the call; `save` is held by the tape when one is recording and a
 * gradient can flow.
 */
export function defineOp<A extends object, O extends Output, S>(spec: OpSpec<A, O, S>): (args: A) => O {
  return (args) => {
    const engine = engineOf(args);
    return engine.annotate(spec.name, () => apply(engine, spec, args));
  };
}

function apply<A extends object, O extends Output, S>(engine: Engine, spec: OpSpec<A, O, S>, args: A): O {
  const tape = engine.tape;
  const recording = tape !== null && [...tensorsIn(args)].some((tensor) => tensor.requiresGrad);
  if (!recording) return engine.scope(() => spec.forward(args, false).output);
  return engine.scope(() => {
    const { output, save } = spec.forward(args, true);
    const single = output instanceof Tensor;
    const outputs = [...tensorsIn(output)].map((tensor) => engine.tracked(tensor));
    const inputs = new Map(Object.entries(args).filter(([, value]) => [...tensorsIn(value)].length > 0));
    const needs = Object.fromEntries(
      Object.entries(args).map(([name, value]) => [name, [...tensorsIn(value)].some((t) => t.requiresGrad)]),
    ) as Needs<A>;
    const label = engine.label;
    tape.record({
      op: spec.name,
      inputs,
      outputs,
      save,
      adds: spec.adds ?? [],
      vjp: (dys, before) =>
        engine.annotate(`${spec.name} backward${label ? ` at ${label}` : ''}`, () =>
          spec.vjp((single ? dys[0] : dys) as OutputGradients<O>, save, needs, before as Before<A>),
        ) as Record<string, Tensor>,
    });
    return (single ? outputs[0] : outputs) as O;
  });
}
