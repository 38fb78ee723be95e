import { type Tensor, tensorsIn } from './tensor.ts';

/**
 * Who owns what. Every tensor made while a scope is open belongs to it and is let go when the scope ends, except
 * those in the returned value, which move to the enclosing scope. Tensors made outside any scope live until
 * `dispose()`.
 */
export class Scopes {
  private readonly open: Set<Tensor>[] = [];

  /** A new tensor joins the innermost scope. */
  adopt<T extends Tensor>(tensor: T): T {
    tensor.storage.hold();
    this.open.at(-1)?.add(tensor);
    return tensor;
  }

  run<T>(body: () => T): T {
    const owned = new Set<Tensor>();
    const parent = this.open.at(-1);
    this.open.push(owned);
    try {
      const result = body();
      for (const tensor of tensorsIn(result)) {
        if (owned.delete(tensor)) parent?.add(tensor);
      }
      return result;
    } finally {
      this.open.pop();
      for (const tensor of owned) tensor.storage.release();
    }
  }
}
