import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { headsFirst, inputsForPeers, outputsOfPeers, tokensFirst } from '../../../bench/peers/layouts.ts';
import { Truth } from '../../../bench/peers/truth.ts';
import {
  type Arrays,
  type BlockWork,
  flopsOf,
  inputShapes,
  makeInputs,
  outputShapes,
  works,
} from '../../../bench/peers/works.ts';
import { worstError } from '../../../engine/gpu/run.ts';
import { layernormForward } from '../../../kernels/layernorm/layernorm.ts';

const test = suite('peers: truth');
const block: BlockWork = { kind: 'block', name: 'tiny', tokens: 5, heads: 2, headDim: 3, result: 'output' };

test('products of matrices, by hand', () => {
  // A = [1 2; 3 4; 5 6], B = [1 0 2; 0 1 3]
  const y = [1, 2, 8, 3, 4, 18, 5, 6, 28];
  const a = { NN: [1, 2, 3, 4, 5, 6], NT: [1, 2, 3, 4, 5, 6], TN: [1, 3, 5, 2, 4, 6] };
  const b = { NN: [1, 0, 2, 0, 1, 3], NT: [1, 0, 0, 1, 2, 3], TN: [1, 0, 2, 0, 1, 3] };
  for (const layout of ['NN', 'NT', 'TN'] as const) {
    const inputs = { a: Float32Array.from(a[layout]), b: Float32Array.from(b[layout]) };
    const truth = new Truth().of({ kind: 'matmul', name: layout, layout, m: 3, k: 2, n: 3 }, inputs);
    assert.equal([...truth.y], y, layout);
  }
});

test('attention, from its definition', () => {
  const work = { kind: 'attention', name: 'a', tokens: 3, heads: 2, headDim: 2 } as const;
  const inputs = makeInputs(work);
  const { y } = new Truth().of(work, inputs);
  const { q, k, v } = inputs;
  for (let t = 0; t < 3; t++) {
    for (let h = 0; h < 2; h++) {
      const at = (row: number, i: number): number => (row * 2 + h) * 2 + i;
      const weights = [0, 1, 2].map((s) =>
        Math.exp((q[at(t, 0)] * k[at(s, 0)] + q[at(t, 1)] * k[at(s, 1)]) / Math.SQRT2),
      );
      const sum = weights[0] + weights[1] + weights[2];
      for (let i = 0; i < 2; i++) {
        const expected = weights.reduce((total, weight, s) => total + (weight / sum) * v[at(s, i)], 0);
        assert.ok(Math.abs(y[at(t, i)] - expected) < 1e-12, `token ${t} head ${h}`);
      }
    }
  }
});

test('layernorm is that of the kernel', () => {
  const work = { kind: 'layernorm', name: 'l', rows: 4, cols: 12 } as const;
  const inputs = makeInputs(work);
  const wide = Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, Float64Array.from(x)]));
  const { y } = layernormForward.reference({ rows: 4, cols: 12, eps: 1e-5 }, wide as never);
  assert.ok(worstError(new Truth().of(work, inputs).y, y) < 1e-12);
});

test('gradients of the block are differences of its output', () => {
  const inputs = makeInputs(block);
  const truth = new Truth();
  const weights = truth.of({ ...block, result: 'weights' }, inputs);
  const gradients: Record<string, Float64Array> = {
    ...weights,
    ...truth.of({ ...block, result: 'input' }, inputs),
  };
  const names = Object.keys(inputShapes(block)).filter((name) => name !== 'g');
  assert.equal(Object.keys(gradients).sort(), names.sort());
  const loss = (changed: Arrays): number => {
    const { y } = new Truth().of(block, changed);
    return y.reduce((sum, value, i) => sum + value * inputs.g[i], 0);
  };
  for (const name of names) {
    for (const i of [0, inputs[name].length - 1]) {
      const moved = (step: number): Arrays => {
        const values = inputs[name].slice();
        values[i] += step;
        return { ...inputs, [name]: values };
      };
      const [up, down] = [moved(1e-3), moved(-1e-3)];
      // the steps as float32 rounded them
      const difference = (loss(up) - loss(down)) / (up[name][i] - down[name][i]);
      const found = gradients[name][i];
      assert.ok(Math.abs(found - difference) < 1e-4 * Math.max(1, Math.abs(difference)), `${name}[${i}]`);
    }
  }
});

test('another block is another truth', () => {
  const truth = new Truth();
  const { y } = truth.of(block, makeInputs(block));
  const longer = { ...block, tokens: 6 };
  const { y: other } = truth.of(longer, makeInputs(longer));
  assert.is(y.length, 5 * 6);
  assert.is(other.length, 6 * 6);
});

test('inputs are the same in every process and as large as their shapes', () => {
  for (const work of [block, works[0]]) {
    const inputs = makeInputs(work);
    assert.equal(inputs, makeInputs(work));
    for (const [name, shape] of Object.entries(inputShapes(work))) {
      assert.is(
        inputs[name].length,
        shape.reduce((a, b) => a * b, 1),
        name,
      );
    }
  }
});

test('the layouts of the peers come back as they were', () => {
  const work: BlockWork = { ...block, result: 'weights' };
  const inputs = makeInputs(work);
  const theirs = inputsForPeers(work, inputs);
  assert.equal(theirs['mlp.c_fc.weight'].shape, [6, 24]);
  assert.equal(theirs['mlp.c_fc.weight'].values[1], inputs['mlp.c_fc.weight'][6]);
  assert.equal(theirs['ln_1.weight'].values, inputs['ln_1.weight']);
  const names = Object.keys(outputShapes(work));
  const outputs = Object.fromEntries(names.map((name) => [name, theirs[name].values]));
  for (const [name, values] of Object.entries(outputsOfPeers(work, outputs))) {
    assert.equal(values, inputs[name], name);
  }
  const x = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  assert.equal(headsFirst(x, 2, 2), Float32Array.of(1, 2, 5, 6, 3, 4, 7, 8));
  assert.equal(tokensFirst(headsFirst(x, 2, 2), 2, 2), x);
});

test('operations are counted', () => {
  const [first] = works;
  assert.is(flopsOf(first), 2 * 1040 * 768 * 768);
  const flops = (result: BlockWork['result']): number => flopsOf({ ...block, result });
  // width 6, 5 tokens: 12 widths^2 of weights, and two products of attention
  assert.is(flops('output'), 2 * 5 * 12 * 36 + 2 * 2 * 25 * 6);
  assert.is(flops('weights') - flops('input'), 2 * 5 * 12 * 36);
});

test.run();
