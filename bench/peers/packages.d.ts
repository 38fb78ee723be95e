/**
 * The parts of the peers that are used. Declared here, the project type-checks whether or not they are installed,
 * and just the same.
 */

declare module 'core-js/actual/iterator/index.js';

declare module '@jax-js/jax' {
  /** Passing an array to a function uses it up; `ref` is for those that are needed again. */
  export interface Array {
    readonly ref: Array;
    readonly shape: number[];
    add(other: Array | number): Array;
    mul(other: Array | number): Array;
    sum(): Array;
    reshape(shape: number[]): Array;
    data(): Promise<Float32Array<ArrayBuffer>>;
    blockUntilReady(): Promise<Array>;
    dispose(): void;
  }
  export type Tree = Record<string, Array>;
  export const numpy: {
    array(values: Float32Array, options: { shape: number[] }): Array;
    matmul(a: Array, b: Array): Array;
    transpose(a: Array): Array;
    split(a: Array, sections: number, axis: number): Array[];
  };
  export const nn: {
    dotProductAttention(q: Array, k: Array, v: Array): Array;
    sigmoid(x: Array): Array;
    standardize(x: Array, axis: number, options: { epsilon: number }): Array;
  };
  export function init(...devices: string[]): Promise<string[]>;
  export function defaultDevice(device: string): string;
  export function grad(f: (by: Tree, others: Tree) => Array): (by: Tree, others: Tree) => Tree;
  export function jit<R extends Tree>(
    f: (a: Tree, b: Tree) => R,
  ): ((a: Tree, b: Tree) => R) & { dispose(): void };
}
