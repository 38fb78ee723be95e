import { mulberry32 } from '../../engine/gpu/run.ts';
import { product } from '../../kernels/kernel.ts';

/** A product of matrices: NN is A B, NT is A B^T, TN is A^T B. The result is m x n, summed over k. */
export interface MatmulWork {
  kind: 'matmul';
  name: string;
  layout: 'NN' | 'NT' | 'TN';
  m: number;
  k: number;
  n: number;
}

/** Scaled dot-product attention of q, k and v, each (tokens, heads * headDim). */
export interface AttentionWork {
  kind: 'attention';
  name: string;
  tokens: number;
  heads: number;
  headDim: number;
}

export interface LayernormWork {
  kind: 'layernorm';
  name: string;
  rows: number;
  cols: number;
}

/** CLIP's pre-norm residual block; the hidden layer is four times as wide. */
export interface BlockWork {
  kind: 'block';
  name: string;
  tokens: number;
  heads: number;
  headDim: number;
  /** What is computed: the output, or the gradients of sum(output * g) by every weight or by the input only. */
  result: 'output' | 'weights' | 'input';
}

/** One thing that every contender is asked to compute. */
export type Work = MatmulWork | AttentionWork | LayernormWork | BlockWork;
/** Inputs or outputs by name. */
export type Arrays = Record<string, Float32Array<ArrayBuffer>>;
export type Shapes = Record<string, readonly number[]>;

/** Of every normalisation, CLIP's. */
export const EPSILON = 1e-5;
/** QuickGELU is x sigmoid(QUICK x). */
export const QUICK = 1.702;

const TOKENS = 1040;
const vit = { tokens: TOKENS, heads: 12, headDim: 64 };

/** What the bench of the peers runs: the shapes of a ViT-B/16 at 512 x 512. */
export const works: readonly Work[] = [
  matmul('NN', TOKENS, 768, 768),
  matmul('NN', TOKENS, 768, 3072),
  matmul('NN', TOKENS, 3072, 768),
  matmul('NT', TOKENS, 768, 768),
  matmul('TN', 768, TOKENS, 768),
  { kind: 'attention', name: 'attention 12x1040x64', ...vit },
  { kind: 'layernorm', name: 'layernorm 1040x768', rows: TOKENS, cols: 768 },
  { kind: 'block', name: 'block forward', ...vit, result: 'output' },
  { kind: 'block', name: 'block gradient of input', ...vit, result: 'input' },
  { kind: 'block', name: 'block gradients of weights', ...vit, result: 'weights' },
];

function matmul(layout: MatmulWork['layout'], m: number, k: number, n: number): MatmulWork {
  const text = { NN: 'A B', NT: 'A B^T', TN: 'A^T B' }[layout];
  return { kind: 'matmul', name: `matmul ${text} ${m}x${k}x${n}`, layout, m, k, n };
}

export function inputShapes(work: Work): Shapes {
  switch (work.kind) {
    case 'matmul': {
      const { layout, m, k, n } = work;
      return { a: layout === 'TN' ? [k, m] : [m, k], b: layout === 'NT' ? [n, k] : [k, n] };
    }
    case 'attention': {
      const shape = [work.tokens, work.heads * work.headDim];
      return { q: shape, k: shape, v: shape };
    }
    case 'layernorm':
      return { x: [work.rows, work.cols], gamma: [work.cols], beta: [work.cols] };
    case 'block': {
      const shape = [work.tokens, work.heads * work.headDim];
      return { x: shape, g: shape, ...weightShapes(work) };
    }
  }
}

/** A block's weights by their keys in a checkpoint; matrices are (outputs, inputs). */
function weightShapes({ heads, headDim }: BlockWork): Shapes {
  const width = heads * headDim;
  const linear = (name: string, outputs: number, inputs: number): Shapes => ({
    [`${name}weight`]: [outputs, inputs],
    [`${name}bias`]: [outputs],
  });
  return {
    'ln_1.weight': [width],
    'ln_1.bias': [width],
    ...linear('attn.in_proj_', 3 * width, width),
    ...linear('attn.out_proj.', width, width),
    'ln_2.weight': [width],
    'ln_2.bias': [width],
    ...linear('mlp.c_fc.', 4 * width, width),
    ...linear('mlp.c_proj.', width, 4 * width),
  };
}

export function outputShapes(work: Work): Shapes {
  const { q, x, ...others } = inputShapes(work);
  if (work.kind === 'matmul') return { y: [work.m, work.n] };
  if (work.kind === 'attention') return { y: q };
  if (work.kind === 'layernorm' || work.result === 'output') return { y: x };
  if (work.result === 'input') return { x };
  const { g: _, ...weights } = others;
  return weights;
}

/** The same values in every process. Scales are those of a trained block, so that nothing saturates or vanishes. */
export function makeInputs(work: Work): Arrays {
  const random = mulberry32(1);
  const entries = Object.entries(inputShapes(work)).map(([name, shape]) => {
    const scale = scaleOf(name, shape);
    const shift = /gamma|ln_\d\.weight/.test(name) ? 1 : 0;
    const values = Float32Array.from({ length: product(shape) }, () => shift + scale * (2 * random() - 1));
    return [name, values] as const;
  });
  return Object.fromEntries(entries);
}

/** Half the range of the values. */
function scaleOf(name: string, shape: readonly number[]): number {
  if (/bias|beta|gamma|ln_/.test(name)) return 0.1;
  if (name.endsWith('weight')) return Math.sqrt(3 / shape[1]);
  return name === 'q' || name === 'k' ? 3 : 1;
}

/** Multiplications and additions of the products of matrices, which is nearly all of them; 0 for a layernorm. */
export function flopsOf(work: Work): number {
  if (work.kind === 'layernorm') return 0;
  if (work.kind === 'matmul') return 2 * work.m * work.k * work.n;
  const width = work.heads * work.headDim;
  const attention = 4 * work.tokens ** 2 * width;
  if (work.kind === 'attention') return attention;
  const linear = 24 * work.tokens * width ** 2;
  if (work.result === 'output') return linear + attention;
  // each product has one gradient for either factor; attention's scores are not counted as computed again
  return linear * (work.result === 'weights' ? 3 : 2) + attention * 3;
}
