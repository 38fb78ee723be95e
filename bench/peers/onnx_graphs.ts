import { inputsForPeers, type Shaped } from './layouts.ts';
import { MICROSOFT, type OnnxConstant, type OnnxGraph, type OnnxNode } from './onnx.ts';
import { type Arrays, EPSILON, outputShapes, QUICK, type Work } from './works.ts';

/** A graph for a piece of work, with what is fed to it; weights are constants in it, as in a model's file. */
export interface WorkGraph {
  graph: OnnxGraph;
  feeds: Record<string, Shaped>;
}

/** The output that holds one element of `y`: fetched to wait for all of `y` without reading it. */
export const PROBE = 'probe';

/** @returns undefined for gradients, which ONNX graphs do not have. */
export function graphOf(work: Work, inputs: Arrays): WorkGraph | undefined {
  if (work.kind === 'block' && work.result !== 'output') return undefined;
  const nodes = nodesOf(work);
  const fed = { matmul: ['a', 'b'], attention: ['q', 'k', 'v'], layernorm: ['x'], block: ['x'] }[work.kind];
  const used = new Set(nodes.flatMap((each) => each.inputs));
  // what has tokens or rows has a leading axis, too, except in a plain product
  const batch = work.kind === 'matmul' ? [] : [1];
  const feeds: WorkGraph['feeds'] = {};
  const constants: OnnxConstant[] = [];
  for (const [name, { values, shape }] of Object.entries(inputsForPeers(work, inputs))) {
    if (fed.includes(name)) feeds[name] = { values, shape: [...batch, ...shape] };
    else if (used.has(name)) constants.push({ name, shape, values });
  }
  if (used.has('quick')) constants.push({ name: 'quick', shape: [1], values: Float32Array.of(QUICK) });
  const shape = [...batch, ...outputShapes(work).y];
  const corner = (name: string, at: bigint): OnnxConstant => {
    return { name, shape: [shape.length], values: new BigInt64Array(shape.length).fill(at) };
  };
  const probe = node('Slice', ['y', 'corner start', 'corner end'], [PROBE]);
  const graph = {
    inputs: Object.entries(feeds).map(([name, feed]) => ({ name, shape: feed.shape })),
    outputs: [
      { name: 'y', shape },
      { name: PROBE, shape: shape.map(() => 1) },
    ],
    constants: [...constants, corner('corner start', 0n), corner('corner end', 1n)],
    nodes: [...nodes, probe],
  };
  return { graph, feeds };
}

function nodesOf(work: Work): OnnxNode[] {
  switch (work.kind) {
    case 'matmul': {
      const { layout } = work;
      if (layout === 'NN') return [node('MatMul', ['a', 'b'], ['y'])];
      return [node('Gemm', ['a', 'b'], ['y'], layout === 'NT' ? { transB: 1 } : { transA: 1 })];
    }
    case 'attention':
      return [attention(['q', 'k', 'v'], 'y', work.heads)];
    case 'layernorm':
      return [layernorm(['x', 'gamma', 'beta'], 'y')];
    case 'block':
      return [
        layernorm(['x', 'ln_1.weight', 'ln_1.bias'], 'norm 1'),
        ...linear('norm 1', 'attn.in_proj_', 'qkv'),
        node('Split', ['qkv'], ['q', 'k', 'v'], { axis: -1 }),
        attention(['q', 'k', 'v'], 'mixed', work.heads),
        ...linear('mixed', 'attn.out_proj.', 'change 1'),
        node('Add', ['x', 'change 1'], ['attended']),
        layernorm(['attended', 'ln_2.weight', 'ln_2.bias'], 'norm 2'),
        ...linear('norm 2', 'mlp.c_fc.', 'hidden'),
        node('Mul', ['hidden', 'quick'], ['scaled']),
        node('Sigmoid', ['scaled'], ['gate']),
        node('Mul', ['hidden', 'gate'], ['active']),
        ...linear('active', 'mlp.c_proj.', 'change 2'),
        node('Add', ['attended', 'change 2'], ['y']),
      ];
  }
}

function linear(x: string, name: string, y: string): OnnxNode[] {
  const product = `${y} product`;
  return [node('MatMul', [x, `${name}weight`], [product]), node('Add', [product, `${name}bias`], [y])];
}

function layernorm(inputs: string[], y: string): OnnxNode {
  return node('LayerNormalization', inputs, [y], { axis: -1, epsilon: { float: EPSILON } });
}

function attention(inputs: string[], y: string, heads: number): OnnxNode {
  return { ...node('MultiHeadAttention', inputs, [y], { num_heads: heads }), domain: MICROSOFT };
}

function node(
  op: string,
  inputs: string[],
  outputs: string[],
  attributes: OnnxNode['attributes'] = {},
): OnnxNode {
  return { op, inputs, outputs, attributes };
}
