import { type Arrays, type BlockWork, inputShapes, outputShapes, type Work } from './works.ts';

type Values = Float32Array<ArrayBuffer>;

/** An array with its shape. */
export interface Shaped {
  values: Values;
  shape: number[];
}

/**
 * The inputs in the layout in which the peers multiply: matrices of weights as (inputs, outputs), so that each
 * product is A B without a transpose. It is the layout of their own dense layers.
 */
export function inputsForPeers(work: Work, inputs: Arrays): Record<string, Shaped> {
  return Object.fromEntries(
    Object.entries(inputShapes(work)).map(([name, shape]) => {
      const values = inputs[name];
      if (!isMatrix(work, name)) return [name, { values, shape: [...shape] }];
      const [outputs, inner] = shape;
      return [name, { values: transposed(values, outputs, inner), shape: [inner, outputs] }];
    }),
  );
}

/** Outputs in the layout of the peers, back in ours. */
export function outputsOfPeers(work: Work, outputs: Arrays): Arrays {
  const shapes = outputShapes(work);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, values]) => {
      const [rows, cols] = shapes[name];
      return [name, isMatrix(work, name) ? transposed(values, cols, rows) : values];
    }),
  );
}

/** Names of what the gradients of a block are taken by. */
export function derivedBy(work: BlockWork): string[] {
  return work.result === 'output' ? [] : Object.keys(outputShapes(work));
}

/** (tokens, heads * size) to (heads, tokens, size). */
export function headsFirst(values: Values, tokens: number, heads: number): Values {
  const size = values.length / tokens / heads;
  const result = new Float32Array(values.length);
  for (let t = 0; t < tokens; t++) {
    for (let h = 0; h < heads; h++) {
      const at = (t * heads + h) * size;
      result.set(values.subarray(at, at + size), (h * tokens + t) * size);
    }
  }
  return result;
}

/** (heads, tokens, size) to (tokens, heads * size). */
export function tokensFirst(values: Values, tokens: number, heads: number): Values {
  return headsFirst(values, heads, tokens);
}

function isMatrix(work: Work, name: string): boolean {
  return work.kind === 'block' && /^(attn|mlp)\..*weight$/.test(name);
}

function transposed(values: Values, rows: number, cols: number): Values {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) result[c * rows + r] = values[r * cols + c];
  }
  return result;
}
