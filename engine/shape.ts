import { product } from '../kernels/kernel.ts';
import { ShapeError } from './errors.ts';

export type Shape = readonly number[];
export type Dtype = 'f32' | 'u32' | 'i32';

export { product };

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** `(1025, 768)`, as errors and debug output print it. */
export function show(shape: Shape): string {
  return `(${shape.join(', ')})`;
}

/** All leading axes as rows, the last axis as columns. */
export function rowsOf(shape: Shape): { rows: number; cols: number } {
  const cols = shape[shape.length - 1] ?? 1;
  return { rows: product(shape.slice(0, -1)), cols };
}

/**
 * Throws unless the shape fits the pattern; null stands for any size.
 * @param what names the tensor in the message, for example `layernorm: gamma`.
 */
export function expectShape(what: string, found: Shape, wanted: readonly (number | null)[]): void {
  if (found.length === wanted.length && wanted.every((n, i) => n === null || n === found[i])) return;
  throw new ShapeError(`${what} is ${show(found)}, wanted (${wanted.map((n) => n ?? 'any').join(', ')})`);
}
