import { BlockTruth } from './truth_block.ts';
import { type Array64, attention, layernorm, type Matrix, multiply, transpose } from './truth_parts.ts';
import { type Arrays, EPSILON, type Work } from './works.ts';

/** Remembers a block between its pieces of work, since it takes half a minute. */
export class Truth {
  private block: BlockTruth | undefined;

  /** What the outputs of a piece of work should be, in float64, by name. */
  of(work: Work, inputs: Arrays): Record<string, Array64> {
    const matrix = (name: string, rows: number, cols: number): Matrix => ({
      rows,
      cols,
      values: Float64Array.from(inputs[name]),
    });
    switch (work.kind) {
      case 'matmul': {
        const { layout, m, k, n } = work;
        const a = layout === 'TN' ? transpose(matrix('a', k, m)) : matrix('a', m, k);
        const b = layout === 'NT' ? transpose(matrix('b', n, k)) : matrix('b', k, n);
        return { y: multiply(a, b).values };
      }
      case 'attention': {
        const [q, k, v] = ['q', 'k', 'v'].map((name) => matrix(name, work.tokens, work.heads * work.headDim));
        return { y: attention(q, k, v, work.heads).values };
      }
      case 'layernorm': {
        const { normal } = layernorm(matrix('x', work.rows, work.cols), EPSILON);
        const { gamma, beta } = inputs;
        return { y: normal.values.map((value, i) => value * gamma[i % work.cols] + beta[i % work.cols]) };
      }
      case 'block': {
        if (!this.block?.fits(work)) this.block = new BlockTruth(work, inputs);
        if (work.result === 'output') return { y: this.block.output() };
        const { x, ...weights } = this.block.gradients();
        return work.result === 'input' ? { x } : weights;
      }
    }
  }
}
