import { ShapeError } from './errors.ts';
import type { Scopes } from './scope.ts';
import { sameShape, show } from './shape.ts';
import { type Parameter, Tensor, tensorsIn } from './tensor.ts';

/** One recorded operation. */
export interface TapeNode {
  op: string;
  /** Argument name to tensors; only those through which a gradient flows matter. */
  inputs: ReadonlyMap<string, Tensor | readonly Tensor[]>;
  outputs: readonly Tensor[];
  /** What backward needs; held by the tape until it has been used. */
  save: unknown;
  /** Inputs whose gradients come with what is given in `before` added. */
  adds: readonly string[];
  /** Gradients of the outputs (undefined where none arrived) to gradients of the inputs. */
  vjp(
    dys: readonly (Tensor | undefined)[],
    before: Readonly<Record<string, Tensor>>,
  ): Record<string, Tensor | readonly (Tensor | undefined)[] | undefined>;
  /**
   * Instead of `vjp`: records the operations that the node stands for, to be walked next.
   * @returns ids of the tensors that take the place of `outputs`.
   */
  replay?(): readonly number[];
}

/** Reverse-mode differentiation: a list of operations walked once backwards. */
export class Tape {
  private readonly nodes: TapeNode[] = [];
  private recording = true;
  private readonly scopes: Scopes;
  private readonly add: (a: Tensor, b: Tensor) => Tensor;

  constructor(scopes: Scopes, add: (a: Tensor, b: Tensor) => Tensor) {
    this.scopes = scopes;
    this.add = add;
  }

  record(node: TapeNode): void {
    if (!this.recording) return;
    for (const tensor of tensorsIn(node.save)) tensor.storage.hold();
    this.nodes.push(node);
  }

  /** Runs `body`, whose operations compute what backward would want but are not recorded. */
  without<T>(body: () => T): T {
    const { recording } = this;
    this.recording = false;
    try {
      return body();
    } finally {
      this.recording = recording;
    }
  }

  /**
   * Walks the tape backwards from `loss` with the seed gradient `one` and empties it. Saved tensors are let go
   * as soon as their node is done. Parameters that the loss does not depend on have no entry in the result.
   */
  backward(loss: Tensor, one: Tensor, parameters: readonly Parameter[]): Map<Parameter, Tensor> {
    const grads = new Map<number, Tensor>([[loss.id, one]]);
    one.storage.hold();
    try {
      for (let node = this.nodes.pop(); node; node = this.nodes.pop()) this.walk(node, grads);
      // one tensor may be the gradient of several parameters: each gets a tensor of its own
      return new Map(
        parameters.flatMap((parameter) => {
          const grad = grads.get(parameter.id);
          return grad
            ? [[parameter, this.scopes.adopt(new Tensor(grad.storage, grad.shape, grad.dtype))]]
            : [];
        }),
      );
    } finally {
      for (const grad of grads.values()) grad.storage.release();
    }
  }

  /** Lets go of everything recorded, after a failure half-way. */
  abandon(): void {
    for (let node = this.nodes.pop(); node; node = this.nodes.pop()) this.forget(node);
  }

  private walk(node: TapeNode, grads: Map<number, Tensor>): void {
    try {
      const dys = node.outputs.map((output) => grads.get(output.id));
      if (dys.some((dy) => dy)) {
        if (node.replay) this.replay(node, node.replay(), grads);
        else this.step(node, dys, grads);
      }
      for (const output of node.outputs) {
        grads.get(output.id)?.storage.release();
        grads.delete(output.id);
      }
    } finally {
      this.forget(node);
    }
  }

  /** Hands the gradients of the node's outputs to the tensors that took their place. */
  private replay({ outputs }: TapeNode, ids: readonly number[], grads: Map<number, Tensor>): void {
    outputs.forEach(({ id }, i) => {
      const grad = grads.get(id);
      if (!grad) return;
      grads.delete(id);
      grads.set(ids[i], grad);
    });
  }

  private step(node: TapeNode, dys: readonly (Tensor | undefined)[], grads: Map<number, Tensor>): void {
    const before = takeBefore(node, grads);
    try {
      this.scopes.run(() => {
        const found = node.vjp(dys, before);
        for (const [name, input] of node.inputs) {
          const tensors = Array.isArray(input) ? (input as readonly Tensor[]) : [input as Tensor];
          const given = found[name];
          const gradients = Array.isArray(given)
            ? (given as readonly (Tensor | undefined)[])
            : [given as Tensor | undefined];
          tensors.forEach((tensor, i) => {
            if (tensor.requiresGrad) this.accumulate(node.op, name, tensor, gradients[i], grads);
          });
        }
      });
    } finally {
      for (const grad of Object.values(before)) grad.storage.release();
    }
  }

  private accumulate(
    op: string,
    name: string,
    input: Tensor,
    grad: Tensor | undefined,
    grads: Map<number, Tensor>,
  ): void {
    if (!grad) throw new ShapeError(`${op}: backward gave no gradient for ${name}`);
    if (!sameShape(grad.shape, input.shape)) {
      throw new ShapeError(
        `${op}: gradient of ${name} is ${show(grad.shape)}, the input is ${show(input.shape)}`,
      );
    }
    if (grad.dtype !== input.dtype) {
      throw new ShapeError(`${op}: gradient of ${name} is ${grad.dtype}, the input is ${input.dtype}`);
    }
    const before = grads.get(input.id);
    const total = before ? this.add(before, grad) : grad;
    total.storage.hold();
    before?.storage.release();
    grads.set(input.id, total);
  }

  private forget(node: TapeNode): void {
    for (const tensor of tensorsIn(node.save)) tensor.storage.release();
  }
}

/** Takes the gradients that the node adds to its own out of `grads`: what it gives is the sum. */
function takeBefore(node: TapeNode, grads: Map<number, Tensor>): Record<string, Tensor> {
  const taken: Record<string, Tensor> = {};
  for (const name of node.adds) {
    const input = node.inputs.get(name);
    const grad = input instanceof Tensor ? grads.get(input.id) : undefined;
    if (!(input instanceof Tensor) || !grad) continue;
    taken[name] = grad;
    grads.delete(input.id);
  }
  return taken;
}
