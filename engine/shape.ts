import { product, type StoreType } from '../kernels/kernel.ts';
import { ShapeError } from './errors.ts';

export type Shape = readonly number[];
/** Element type of a tensor. f16 is storage only: kernels compute in f32, and the host sees f32 as well. */
export type Dtype = StoreType | 'u32' | 'i32';

export { product };

/** Bytes of a dense array, without padding. */
export function bytesOf(shape: Shape, dtype: Dtype): number {
  return product(shape) * (dtype === 'f16' ? 2 : 4);
}

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
