import { headsFirst, inputsForPeers, type Shaped } from './layouts.ts';
import type { OnnxConstant, OnnxGraph, OnnxNode } from './onnx.ts';
import {
  fusedAttention,
  layernorm,
  linear,
  namedConstants,
  node,
  plainAttention,
  plainAttentionOfTokens,
} from './onnx_nodes.ts';
import { type Arrays, outputShapes, type Work } from './works.ts';

/** A graph for a piece of work, with what is fed to it; weights are constants in it, as in a model's file. */
export interface WorkGraph {
  graph: OnnxGraph;
  feeds: Record<string, Shaped>;
}

/** The output that holds one element of `y`: fetched to wait for all of `y` without reading it. */
export const PROBE = 'probe';

/**
 * @param fused attention by onnxruntime's own operator instead of products and softmax. Attention alone is then of
 * (1, tokens, width), otherwise of (heads, tokens, size): what is best for either.
 * @returns undefined for gradients, which ONNX graphs do not have.
 */
export function graphOf(work: Work, inputs: Arrays, fused: boolean): WorkGraph | undefined {
  if (work.kind === 'block' && work.result !== 'output') return undefined;
  const nodes = nodesOf(work, fused);
  const used = new Set(nodes.flatMap((each) => each.inputs));
  const isConstant = ({ name }: { name: string }): boolean => used.has(name);
  const constants = 'heads' in work ? namedConstants(work).filter(isConstant) : [];
  const feeds: WorkGraph['feeds'] = {};
  const fed = { matmul: ['a', 'b'], attention: ['q', 'k', 'v'], layernorm: ['x'], block: ['x'] }[work.kind];
  for (const [name, shaped] of Object.entries(inputsForPeers(work, inputs))) {
    if (fed.includes(name)) feeds[name] = placed(work, shaped, fused);
    else if (used.has(name)) constants.push({ name, ...shaped });
  }
  const { shape } = work.kind === 'matmul' ? { shape: outputShapes(work).y } : feeds[fed[0]];
  const corner = (name: string, at: bigint): OnnxConstant => {
    return { name, shape: [shape.length], values: new BigInt64Array(shape.length).fill(at) };
  };
  const graph = {
    inputs: Object.entries(feeds).map(([name, feed]) => ({ name, shape: feed.shape })),
    outputs: [
      { name: 'y', shape },
      { name: PROBE, shape: shape.map(() => 1) },
    ],
    constants: [...constants, corner('corner start', 0n), corner('corner end', 1n)],
    nodes: [...nodes, node('Slice', ['y', 'corner start', 'corner end'], [PROBE])],
  };
  return { graph, feeds };
}

function placed(work: Work, { values, shape }: Shaped, fused: boolean): Shaped {
  if (work.kind === 'matmul') return { values, shape };
  if (work.kind !== 'attention' || fused) return { values, shape: [1, ...shape] };
  const { tokens, heads, headDim } = work;
  return { values: headsFirst(values, tokens, heads), shape: [heads, tokens, headDim] };
}

function nodesOf(work: Work, fused: boolean): OnnxNode[] {
  switch (work.kind) {
    case 'matmul': {
      const { layout } = work;
      if (layout === 'NN') return [node('MatMul', ['a', 'b'], ['y'])];
      return [node('Gemm', ['a', 'b'], ['y'], layout === 'NT' ? { transB: 1 } : { transA: 1 })];
    }
    case 'attention':
      return fused ? [fusedAttention('y', work.heads)] : plainAttention(['q', 'k', 'v'], 'y');
    case 'layernorm':
      return [layernorm(['x', 'gamma', 'beta'], 'y')];
    case 'block':
      return [
        layernorm(['x', 'ln_1.weight', 'ln_1.bias'], 'norm 1'),
        ...linear('norm 1', 'attn.in_proj_', 'qkv'),
        node('Split', ['qkv'], ['q', 'k', 'v'], { axis: -1 }),
        ...(fused ? [fusedAttention('mixed', work.heads)] : plainAttentionOfTokens('mixed')),
        ...linear('mixed', 'attn.out_proj.', 'change 1'),
        node('Add', ['x', 'change 1'], ['attended']),
        layernorm(['attended', 'ln_2.weight', 'ln_2.bias'], 'norm 2'),
        ...linear('norm 2', 'mlp.c_fc.', 'hidden'),
        node('Mul', ['hidden', 'quick'], ['quick hidden']),
        node('Sigmoid', ['quick hidden'], ['gate']),
        node('Mul', ['hidden', 'gate'], ['active']),
        ...linear('active', 'mlp.c_proj.', 'change 2'),
        node('Add', ['attended', 'change 2'], ['y']),
      ];
  }
}
