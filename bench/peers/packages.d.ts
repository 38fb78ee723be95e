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

declare module '@tensorflow/tfjs' {
  export interface Tensor {
    readonly shape: number[];
    add(other: Tensor): Tensor;
    sub(other: Tensor): Tensor;
    mul(other: Tensor | Scalar): Tensor;
    square(): Tensor;
    rsqrt(): Tensor;
    sigmoid(): Tensor;
    softmax(axis: number): Tensor;
    sum(): Scalar;
    mean(axis: number, keepDims: boolean): Tensor;
    matMul(other: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
    reshape(shape: number[]): Tensor;
    transpose(order: number[]): Tensor;
    data(): Promise<Float32Array<ArrayBuffer>>;
    dispose(): void;
  }
  export interface Scalar extends Tensor {
    readonly rank: 0;
  }
  export const fused: { matMul(operands: { a: Tensor; b: Tensor; bias: Tensor }): Tensor };
  export function tensor(values: Float32Array, shape: number[]): Tensor;
  export function scalar(value: number): Scalar;
  export function split(x: Tensor, count: number, axis: number): Tensor[];
  export function tidy<T>(body: () => T): T;
  export function dispose(tensors: Record<string, Tensor>): void;
  export function grads(f: (...inputs: Tensor[]) => Tensor): (inputs: Tensor[]) => Tensor[];
  export function setBackend(name: string): Promise<boolean>;
  export function ready(): Promise<void>;
  export function backend(): object;
  export function enableProdMode(): void;
}

declare module '@tensorflow/tfjs-backend-webgpu' {
  export class WebGPUBackend {
    readonly device: GPUDevice;
    ensureCommandEncoderReady(): void;
    endComputePassEncoder(): void;
    submitQueue(): void;
  }
}

declare module 'onnxruntime-node' {
  export interface OnnxTensor {
    readonly data: Float32Array<ArrayBuffer>;
    readonly location: string;
    dispose(): void;
  }
  export const Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => OnnxTensor;
  export interface InferenceSession {
    run(feeds: Record<string, OnnxTensor>, fetches?: readonly string[]): Promise<Record<string, OnnxTensor>>;
    release(): Promise<void>;
  }
  export interface SessionOptions {
    executionProviders: readonly string[];
    preferredOutputLocation?: 'gpu-buffer';
    extra?: object;
  }
  export const InferenceSession: {
    create(model: Uint8Array, options: SessionOptions): Promise<InferenceSession>;
  };
  export function listSupportedBackends(): { name: string }[];
}
