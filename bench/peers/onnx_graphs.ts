import { inputsForPeers, type Shaped } from './layouts.ts';
import { MICROSOFT, type OnnxAttribute, type OnnxConstant, type OnnxGraph, type OnnxNode } from './onnx.ts';
import { type Arrays, EPSILON, outputShapes, QUICK, type Work } from './works.ts';

/** A graph for a piece of work, with what is fed to it; weights are constants in it, as in a model's file. */
export interface WorkGraph {
  graph: OnnxGraph;
  feeds: Record<string, Shaped>;
}

/** The output whose only number is an element of `y`: to wait for `y` without reading it. */
export const PROBE = 'probe';

/** @returns undefined for gradients, which ONNX graphs do not have. */
export function graphOf(work: Work, inputs: Arrays): WorkGraph | undefined {
  const all = inputsForPeers(work, inputs);
  switch (work.kind) {
    case 'matmul':
      return finish(work, matmulNodes(work.layout), all, ['a', 'b']);
    case 'attention': {
      const batched = Object.entries(all).map(([name, { values, shape }]) => [
        name,
        { values, shape: [1, ...shape] },
      ]);
      return finish(work, [attention('q', 'k', 'v', 'y', work.heads)], Object.fromEntries(batched), ['q', 'k', 'v']);
    }
    case 'layernorm':
      return finish(work, [layernorm('x', 'gamma', 'beta', 'y')], all, ['x']);
    case 'block':
      if (work.result !== 'output') return undefined;
      return finish(work, blockNodes(work.heads), { ...all, x: { ...all.x, shape: [1, ...all.x.shape] } }, ['x']);
  }
}

function finish(work: Work, nodes: OnnxNode[], all: Record<string, Shaped>, fed: string[]): WorkGraph {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const constants: OnnxConstant[] = Object.entries(all)
    .filter(([name]) => used.has(name) && !fed.includes(name))
    .map(([name, shaped]) => ({ name, ...shaped }));
  const feeds = Object.fromEntries(fed.map((name) => [name, all[name]]));
  const batch = all[fed[0]].shape.slice(0, -2);
  const shape = [...batch, ...outputShapes(work).y];
  const index = (name: string, value: bigint): OnnxConstant => ({
    name,
    shape: [shape.length],
    values: new BigInt64Array(shape.length).fill(value),
  });
  return {
    feeds,
    graph: {
      inputs: fed.map((name) => ({ name, shape: all[name].shape })),
      outputs: [
        { name: 'y', shape },
        { name: PROBE, shape: shape.map(() => 1) },
      ],
      constants: [
        ...constants,
        { name: 'quick', shape: [1], values: Float32Array.of(QUICK) },
        { name: 'thirds', shape: [3], values: new BigInt64Array(3).fill(BigInt((all.x?.shape.at(-1) ?? 0))) },
        index('first', 0n),
        index('second', 1n),
      ],
      nodes: [...nodes, node('Slice', ['y', 'first', 'second'], PROBE)],
    },
  };
}
