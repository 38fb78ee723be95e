import { MICROSOFT, type OnnxConstant, type OnnxNode } from './onnx.ts';
import { type AttentionWork, type BlockWork, EPSILON, QUICK } from './works.ts';

/** What nodes are made of; the constants are named here, and those that a graph uses are put into it. */
export function namedConstants({ tokens, heads, headDim }: AttentionWork | BlockWork): OnnxConstant[] {
  const sizes = (name: string, ...values: number[]): OnnxConstant => {
    return { name, shape: [values.length], values: BigInt64Array.from(values, BigInt) };
  };
  return [
    { name: 'quick', shape: [1], values: Float32Array.of(QUICK) },
    { name: 'scale', shape: [1], values: Float32Array.of(1 / Math.sqrt(headDim)) },
    sizes('by heads', tokens, heads, headDim),
    sizes('by tokens', 1, tokens, heads * headDim),
  ];
}

export function node(
  op: string,
  inputs: string[],
  outputs: string[],
  attributes: OnnxNode['attributes'] = {},
): OnnxNode {
  return { op, inputs, outputs, attributes };
}

export function linear(x: string, name: string, y: string): OnnxNode[] {
  const product = `${y} product`;
  return [node('MatMul', [x, `${name}weight`], [product]), node('Add', [product, `${name}bias`], [y])];
}

export function layernorm(inputs: string[], y: string): OnnxNode {
  return node('LayerNormalization', inputs, [y], { axis: -1, epsilon: { float: EPSILON } });
}

/** onnxruntime's own operator, of (1, tokens, width). */
export function fusedAttention(y: string, heads: number): OnnxNode {
  return { ...node('MultiHeadAttention', ['q', 'k', 'v'], [y], { num_heads: heads }), domain: MICROSOFT };
}

/** By ONNX's operators, of (heads, tokens, size). */
export function plainAttention([q, k, v]: string[], y: string): OnnxNode[] {
  return [
    node('Mul', [q, 'scale'], ['scaled q']),
    node('Transpose', [k], ['turned k'], { perm: [0, 2, 1] }),
    node('MatMul', ['scaled q', 'turned k'], ['scores']),
    node('Softmax', ['scores'], ['probabilities'], { axis: -1 }),
    node('MatMul', ['probabilities', v], [y]),
  ];
}

/** The same, of (1, tokens, width). */
export function plainAttentionOfTokens(y: string): OnnxNode[] {
  const cut = (x: string): OnnxNode[] => [
    node('Reshape', [x, 'by heads'], [`${x} cut`]),
    node('Transpose', [`${x} cut`], [`${x} heads`], { perm: [1, 0, 2] }),
  ];
  return [
    ...['q', 'k', 'v'].flatMap(cut),
    ...plainAttention(['q heads', 'k heads', 'v heads'], 'y heads'),
    node('Transpose', ['y heads'], ['y cut'], { perm: [1, 0, 2] }),
    node('Reshape', ['y cut', 'by tokens'], [y]),
  ];
}
