import {
  type Array64,
  attention,
  attentionBackward,
  columns,
  layernorm,
  layernormBackward,
  type Matrix,
  multiply,
  setColumns,
  sumRows,
  transpose,
  zeros,
} from './truth_parts.ts';
import { type Arrays, type BlockWork, EPSILON, inputShapes, QUICK } from './works.ts';

/** CLIP's block in float64: its output, and the gradients of sum(output * g), computed when first asked for. */
export class BlockTruth {
  private readonly work: BlockWork;
  private readonly inputs: Arrays;
  private passed: ReturnType<BlockTruth['pass']> | undefined;
  private derived: Record<string, Array64> | undefined;

  constructor(work: BlockWork, inputs: Arrays) {
    this.work = work;
    this.inputs = inputs;
  }

  /** Whether this is the block that another piece of work wants, whatever of it is the result. */
  fits({ tokens, heads, headDim }: BlockWork): boolean {
    const { work } = this;
    return work.tokens === tokens && work.heads === heads && work.headDim === headDim;
  }

  output(): Array64 {
    return this.saved().output.values;
  }

  /** By x and by every weight. */
  gradients(): Record<string, Array64> {
    this.derived ??= this.derive();
    return this.derived;
  }

  private saved(): ReturnType<BlockTruth['pass']> {
    this.passed ??= this.pass();
    return this.passed;
  }

  private pass() {
    const { heads, headDim } = this.work;
    const width = heads * headDim;
    const x = this.matrix('x');
    const first = layernorm(x, EPSILON);
    const firstNorm = this.affine(first.normal, 'ln_1');
    const qkv = this.linear(firstNorm, 'attn.in_proj_');
    const [q, k, v] = [0, width, 2 * width].map((at) => columns(qkv, at, width));
    const mixed = attention(q, k, v, heads);
    const attended = add(x, this.linear(mixed, 'attn.out_proj.'));
    const second = layernorm(attended, EPSILON);
    const secondNorm = this.affine(second.normal, 'ln_2');
    const hidden = this.linear(secondNorm, 'mlp.c_fc.');
    const active = map(hidden, (value) => value * sigmoid(QUICK * value));
    const output = add(attended, this.linear(active, 'mlp.c_proj.'));
    return { first, firstNorm, q, k, v, mixed, second, secondNorm, hidden, active, output };
  }

  private derive(): Record<string, Array64> {
    const { first, firstNorm, q, k, v, mixed, second, secondNorm, hidden, active } = this.saved();
    const { heads, headDim } = this.work;
    const width = heads * headDim;
    const gradients: Record<string, Array64> = {};
    const through = (dy: Matrix, input: Matrix, name: string): Matrix => {
      gradients[`${name}weight`] = multiply(transpose(dy), input).values;
      gradients[`${name}bias`] = sumRows(dy);
      return multiply(dy, this.matrix(`${name}weight`));
    };
    const throughNorm = (dy: Matrix, saved: ReturnType<typeof layernorm>, name: string): Matrix => {
      gradients[`${name}.weight`] = sumRows(map(dy, (value, i) => value * saved.normal.values[i]));
      gradients[`${name}.bias`] = sumRows(dy);
      const scale = this.inputs[`${name}.weight`];
      const scaled = map(dy, (value, i) => value * scale[i % dy.cols]);
      return layernormBackward(scaled, saved);
    };

    const dOutput = this.matrix('g');
    const dActive = through(dOutput, active, 'mlp.c_proj.');
    const dHidden = map(dActive, (value, i) => {
      const at = QUICK * hidden.values[i];
      const s = sigmoid(at);
      return value * (s + at * s * (1 - s));
    });
    const dSecondNorm = through(dHidden, secondNorm, 'mlp.c_fc.');
    const dAttended = add(dOutput, throughNorm(dSecondNorm, second, 'ln_2'));
    const dMixed = through(dAttended, mixed, 'attn.out_proj.');
    const { dq, dk, dv } = attentionBackward(dMixed, q, k, v, heads);
    const dQkv = zeros(q.rows, 3 * width);
    for (const [i, part] of [dq, dk, dv].entries()) setColumns(dQkv, i * width, part);
    const dFirstNorm = through(dQkv, firstNorm, 'attn.in_proj_');
    const x = add(dAttended, throughNorm(dFirstNorm, first, 'ln_1')).values;
    return { x, ...gradients };
  }

  private matrix(name: string): Matrix {
    const [rows, cols] = inputShapes(this.work)[name];
    return { rows, cols, values: Float64Array.from(this.inputs[name]) };
  }

  private linear(x: Matrix, name: string): Matrix {
    const bias = this.inputs[`${name}bias`];
    const y = multiply(x, transpose(this.matrix(`${name}weight`)));
    return map(y, (value, i) => value + bias[i % y.cols]);
  }

  private affine(x: Matrix, name: string): Matrix {
    const [scale, shift] = [this.inputs[`${name}.weight`], this.inputs[`${name}.bias`]];
    return map(x, (value, i) => value * scale[i % x.cols] + shift[i % x.cols]);
  }
}

function map({ rows, cols, values }: Matrix, body: (value: number, i: number) => number): Matrix {
  return { rows, cols, values: values.map(body) };
}

function add(a: Matrix, b: Matrix): Matrix {
  return map(a, (value, i) => value + b.values[i]);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
