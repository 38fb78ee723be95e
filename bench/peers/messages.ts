import type { Arrays, Work } from './works.ts';

/** Who can be asked, each in a process of its own. */
export const contenderIds = ['ours', 'jax-js', 'tfjs', 'onnxruntime-webgpu', 'onnxruntime-cpu'] as const;
export type ContenderId = (typeof contenderIds)[number];

/** What is asked of a contender's process, one thing at a time. */
export type Question = { ask: 'prepare'; work: Work } | { ask: 'run'; count: number } | { ask: 'release' };

/** Its answer to a question, or the reason why there is none. */
export type Answer = { value: FirstResult | Ran | null } | { reason: string };

/** What preparing a piece of work gave. */
export interface FirstResult {
  outputs: Arrays;
  /** From the request to the first outputs: compiling, uploading, computing, reading. */
  firstMs: number;
  note: string | null;
}

export interface Ran {
  /** All the runs together. */
  ms: number;
}
