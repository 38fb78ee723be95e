import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { ConfigError, ShapeError } from '../../../engine/errors.ts';
import { mulberry32, worstError } from '../../../engine/gpu/run.ts';
import { valueAndGrad } from '../../../engine/grad.ts';
import { defineOp } from '../../../engine/op.ts';
import { attention } from '../../../engine/ops/attention.ts';
import { maskScores } from '../../../engine/ops/mask_scores.ts';
import { selfAttention } from '../../../engine/ops/self_attention.ts';
import { product, type Shape } from '../../../engine/shape.ts';
import type { Tensor } from '../../../engine/tensor.ts';
import { packed, separate } from '../../../kernels/attention/dims.ts';
import { attentionReference, dot } from '../../../kernels/attention/reference.ts';
import { dropThreshold, keep, philox4x32 } from '../../../kernels/dropout/philox.ts';
import { readSafetensors } from '../../../model/weights/safetensors.ts';
import { openEngine } from '../../support/device.ts';
import { goldenPath } from '../../support/paths.ts';

const test = suite('attention gradients');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

type Values = Record<string, { shape: Shape; values: Float32Array<ArrayBuffer> }>;

/** Ends a computation with a chosen gradient `dy`; its value means nothing. */
const end = defineOp({
  name: 'end',
  forward: ({ y, dy }: { y: Tensor; dy: Tensor }) => ({ output: engine.tensor([y.size], [1]), save: { dy } }),
  vjp: (_, { dy }) => ({ y: dy }),
});

/** The output of an operation, and its gradients for `dy` with respect to the inputs named in `trainable`. */
async function run(
  inputs: Values,
  dy: Float32Array<ArrayBuffer>,
  op: (tensors: Record<string, Tensor>) => Tensor,
  trainable = Object.keys(inputs),
): Promise<Record<string, Float64Array>> {
  const parameters = Object.entries(inputs).map(([name, { shape, values }]) =>
    engine.parameter(name, values, shape, trainable.includes(name)),
  );
  const tensors = Object.fromEntries(parameters.map((p) => [p.name, p]));
  const found = await engine.fetch(() => {
    const { grads } = valueAndGrad(engine, parameters, () => {
      const y = op(tensors);
      return end({ y, dy: engine.tensor(dy, y.shape) });
    });
    const gradients = Object.fromEntries([...grads].map(([parameter, grad]) => [parameter.name, grad]));
    return { ...gradients, y: op(tensors) };
  });
  for (const parameter of parameters) parameter.dispose();
  return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, Float64Array.from(values)]));
}

function randomValues(shape: Shape, random: () => number, scale = 1): Values[string] {
  return { shape, values: Float32Array.from({ length: product(shape) }, () => scale * (2 * random() - 1)) };
}

/**
 * Compares the output with the float64 reference, and the gradients, along random directions of +-1, with central
 * differences of the reference.
 */
async function checkDirections(
  inputs: Values,
  reference: (inputs: Record<string, Float64Array>) => Float64Array,
  op: (tensors: Record<string, Tensor>) => Tensor,
): Promise<void> {
  const random = mulberry32(7);
  const host = Object.fromEntries(
    Object.entries(inputs).map(([name, { values }]) => [name, Float64Array.from(values)]),
  );
  const truth = reference(host);
  const dy = Float32Array.from(truth, () => 2 * random() - 1);
  const found = await run(inputs, dy, op);
  assert.ok(worstError(found.y, truth) < 5e-6, `output: ${worstError(found.y, truth)}`);
  const objective = (at: Record<string, Float64Array>): number =>
    reference(at).reduce((s, y, i) => s + y * dy[i], 0);
  for (const name of Object.keys(inputs)) {
    const norm = Math.hypot(...found[name]);
    for (let round = 0; round < 2; round++) {
      const direction = found[name].map(() => (random() < 0.5 ? -1 : 1));
      const step = 1e-5;
      const moved = (sign: number) => ({
        ...host,
        [name]: host[name].map((x, i) => x + sign * step * direction[i]),
      });
      const slope = (objective(moved(1)) - objective(moved(-1))) / (2 * step);
      const given = found[name].reduce((s, g, i) => s + g * direction[i], 0);
      // the projections of the rounding errors add up like the gradient itself
      assert.ok(
        Math.abs(slope - given) <= 2e-5 * norm,
        `d${name}: ${given} along a direction, wanted ${slope}`,
      );
    }
  }
}

const state = [2025, 7, 31, 0];
const randomState = (): Tensor => engine.tensor(Uint32Array.from(state), [4]);

for (const [name, sizes, settings] of [
  ['packed', { batch: 2, heads: 3, tokens: 37, headDim: 16 }, {}],
  ['packed causal of 65', { batch: 1, heads: 2, tokens: 65, headDim: 24 }, { causal: true }],
  [
    'packed heads of 10 with dropout',
    { batch: 2, heads: 2, tokens: 35, headDim: 10 },
    { probability: 0.25, opId: 3 },
  ],
  ['packed with dropout', { batch: 1, heads: 3, tokens: 67, headDim: 8 }, { probability: 0.1, opId: 9 }],
  ['one token', { batch: 3, heads: 1, tokens: 1, headDim: 12 }, {}],
  ['heads of 128', { batch: 1, heads: 1, tokens: 40, headDim: 128 }, {}],
  ['as many tokens as registers hold', { batch: 2, heads: 2, tokens: 48, headDim: 32 }, {}],
  ['one more than that', { batch: 1, heads: 2, tokens: 49, headDim: 32 }, {}],
  ['so many heads that they take several rounds', { batch: 1, heads: 3, tokens: 800, headDim: 4 }, {}],
  ['so many tokens that one head takes several rounds', { batch: 1, heads: 1, tokens: 1190, headDim: 4 }, {}],
] as const) {
  test(`self-attention: ${name}`, () => {
    const dims = packed(sizes, settings);
    const qkv = randomValues([sizes.batch, sizes.tokens, 3 * sizes.heads * sizes.headDim], mulberry32(3), 2);
    const { probability, opId, causal } = { probability: 0, opId: 0, causal: false, ...settings };
    return checkDirections(
      { qkv },
      (at) =>
        attentionReference(dims, { q: at.qkv, k: at.qkv, v: at.qkv, random: Float64Array.from(state) }).y,
      ({ qkv }) => {
        const dropout = probability ? { probability, random: randomState(), op: opId } : undefined;
        return selfAttention({ qkv, heads: sizes.heads, causal, dropout });
      },
    );
  });
}

test('cross-attention with dropout', () => {
  const sizes = { batch: 2, heads: 4, queries: 5, keys: 45, headDim: 8 };
  const random = mulberry32(4);
  const dims = separate(sizes, { probability: 0.2, opId: 1 });
  const inputs = {
    q: randomValues([2, 5, 32], random, 3),
    k: randomValues([2, 45, 32], random),
    v: randomValues([2, 45, 32], random),
  };
  return checkDirections(
    inputs,
    (at) => attentionReference(dims, { q: at.q, k: at.k, v: at.v, random: Float64Array.from(state) }).y,
    ({ q, k, v }) =>
      attention({ q, k, v, heads: 4, dropout: { probability: 0.2, random: randomState(), op: 1 } }),
  );
});

/** Mean over 4 heads of q k^T / sqrt(6) for q (2, 5, 24) and k (2, 37, 24), head by head. */
function meanScores({ q, k }: Record<string, Float64Array>): Float64Array {
  const y = new Float64Array(2 * 5 * 37);
  for (let i = 0; i < y.length; i++) {
    const [query, key] = [Math.floor(i / 37), Math.floor(i / 185) * 37 + (i % 37)];
    for (let head = 0; head < 4; head++) {
      const columns = (x: Float64Array, row: number) =>
        x.subarray(row * 24 + head * 6, row * 24 + head * 6 + 6);
      y[i] += dot(columns(q, query), columns(k, key)) / Math.sqrt(6) / 4;
    }
  }
  return y;
}

test('mask scores', () => {
  const random = mulberry32(5);
  return checkDirections(
    { q: randomValues([2, 5, 24], random), k: randomValues([2, 37, 24], random) },
    meanScores,
    ({ q, k }) => maskScores({ q, k, heads: 4 }),
  );
});

test('golden fixtures', async () => {
  const names = ['attn_37', 'attn_65', 'attn_37_causal', 'attn_65_causal', 'attn_cross_5x37', 'attn_1'];
  const path = goldenPath('micro_ops.safetensors');
  const { tensors } = await readSafetensors(path, (name) => name.startsWith('attn_'));
  for (const name of names) {
    const get = (part: string): Values[string] => {
      const { shape, data } = tensors.get(`${name}/${part}`)!;
      return tokensFirst(shape, Float32Array.from(data as Float32Array));
    };
    const heads = tensors.get(`${name}/q`)!.shape[1];
    const op = ({ q, k, v }: Record<string, Tensor>) =>
      attention({ q, k, v, heads, causal: name.endsWith('causal') });
    const found = await run({ q: get('q'), k: get('k'), v: get('v') }, get('dy').values, op);
    const wanted = { y: 'y', q: 'd_q', k: 'd_k', v: 'd_v' };
    for (const [mine, theirs] of Object.entries(wanted)) {
      const truth = Float64Array.from(get(theirs).values);
      // one token: dq and dk are 0 up to rounding, so errors count relative to 0.1 at least
      const size = Math.max(0.1, ...truth.map(Math.abs));
      const error = Math.max(...found[mine].map((v, i) => Math.abs(v - truth[i])));
      assert.ok(error <= 3e-6 * size, `${name} ${theirs}: ${error} of ${size}`);
    }
  }
});

/** (batch, heads, tokens, columns) to (batch, tokens, heads * columns). */
function tokensFirst([batch, heads, tokens, columns]: readonly number[], from: Float32Array): Values[string] {
  const values = new Float32Array(from.length);
  for (let i = 0; i < from.length; i++) {
    const c = i % columns;
    const t = Math.floor(i / columns) % tokens;
    const h = Math.floor(i / columns / tokens) % heads;
    const b = Math.floor(i / columns / tokens / heads);
    values[((b * tokens + t) * heads + h) * columns + c] = from[i];
  }
  return { shape: [batch, tokens, heads * columns], values };
}

test('only wanted gradients are computed', async () => {
  const random = mulberry32(6);
  const inputs = {
    q: randomValues([1, 5, 8], random),
    k: randomValues([1, 9, 8], random),
    v: randomValues([1, 9, 8], random),
  };
  const dy = randomValues([1, 5, 8], random).values;
  const op = ({ q, k, v }: Record<string, Tensor>) => attention({ q, k, v, heads: 2 });
  const all = await run(inputs, dy, op);
  for (const name of ['q', 'k', 'v']) {
    const one = await run(inputs, dy, op, [name]);
    assert.equal(Object.keys(one).sort(), [name, 'y'].sort());
    // delta comes from another kernel where nobody wants dq, so equal up to rounding
    assert.ok(worstError(one[name], Float64Array.from(all[name])) < 1e-6, name);
  }
});

test('backward keeps the scores of few heads at a time', async () => {
  const random = mulberry32(8);
  const dy = randomValues([1, 800, 24], random).values;
  const qkv = randomValues([1, 800, 72], random);
  await run({ qkv }, dy, (x) => selfAttention({ qkv: x.qkv, heads: 6 }));
  engine.gpu.pool.resetPeak();
  const before = engine.stats().live;
  await run({ qkv }, dy, (x) => selfAttention({ qkv: x.qkv, heads: 6 }));
  // one head takes 3 x 25 x 25 tiles of 4 KiB = 7.3 MiB; all six would be 44 MiB
  assert.ok(engine.stats().peak - before < 20 * 2 ** 20, `${engine.stats().peak - before} bytes`);
  assert.is(engine.stats().live, before);
});

test('what does not fit is refused by name', () => {
  engine.scope(() => {
    const [a, b] = [engine.zeros([1, 5, 12]), engine.zeros([1, 7, 12])];
    const random = engine.zeros([4], 'u32');
    assert.throws(
      () => attention({ q: a, k: a, v: b, heads: 3 }),
      /attention: v is \(1, 7, 12\), wanted \(1, 5, 12\)/,
    );
    assert.throws(() => attention({ q: a, k: b, v: b, heads: 3, causal: true }), /5 queries and 7 keys/);
    assert.throws(
      () => selfAttention({ qkv: a, heads: 3 }),
      (e: Error) => e instanceof ShapeError && /3 heads of 1.33/.test(e.message),
    );
    assert.throws(() => maskScores({ q: a, k: b, heads: 5 }), /5 heads do not divide 12 columns/);
    assert.throws(
      () => selfAttention({ qkv: a, heads: 1, dropout: { probability: 1, random, op: 0 } }),
      (e: Error) => e instanceof ConfigError && /probability 1/.test(e.message),
    );
  });
});

test('the counter-based generator agrees with the published test vectors', () => {
  const f = 0xffffffff;
  // kat_vectors of Random123, the authors' implementation
  assert.equal(philox4x32([0, 0, 0, 0], [0, 0]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  assert.equal(philox4x32([f, f, f, f], [f, f]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
  assert.equal(
    philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  );
});

test('dropout keeps the wanted share, and each operation and step another one', () => {
  const mask = (op: number, step: number): boolean[] =>
    Array.from({ length: 20000 }, (_, i) => keep([1, 2, step, 0], op, i, dropThreshold(0.1)));
  const [first, otherOp, otherStep] = [mask(0, 0), mask(1, 0), mask(0, 1)];
  for (const other of [first, otherOp, otherStep]) {
    // five standard deviations of the share of 20000 draws
    assert.ok(Math.abs(other.filter(Boolean).length / 20000 - 0.9) < 0.0106);
  }
  // two independent masks differ in 2 * 0.9 * 0.1 of the elements
  for (const other of [otherOp, otherStep]) {
    const share = other.filter((kept, i) => kept !== first[i]).length / 20000;
    assert.ok(Math.abs(share - 0.18) < 0.02, `${share}`);
  }
});

test.run();
