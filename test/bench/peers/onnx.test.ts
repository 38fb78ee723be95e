import { createRequire } from 'node:module';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeOnnx, MICROSOFT, type OnnxGraph } from '../../../bench/peers/onnx.ts';
import { graphOf, PROBE } from '../../../bench/peers/onnx_graphs.ts';
import { type BlockWork, makeInputs, type Work } from '../../../bench/peers/works.ts';
import { projectPath } from '../../support/paths.ts';

const test = suite('onnx encoder');

/** y = x weights + 1, then its slice; weights 3 x 2. */
const small: OnnxGraph = {
  inputs: [{ name: 'x', shape: [2, 3] }],
  outputs: [
    { name: 'y', shape: [2, 2] },
    { name: 'corner', shape: [1, 1] },
  ],
  constants: [
    { name: 'weights', shape: [3, 2], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
    { name: 'ones', shape: [2], values: Float32Array.of(1, 1) },
    { name: 'start', shape: [2], values: BigInt64Array.of(1n, 1n) },
    { name: 'end', shape: [2], values: BigInt64Array.of(2n, 2n) },
  ],
  nodes: [
    { op: 'MatMul', inputs: ['x', 'weights'], outputs: ['product'] },
    { op: 'Add', inputs: ['product', 'ones'], outputs: ['y'] },
    { op: 'Slice', inputs: ['y', 'start', 'end'], outputs: ['corner'] },
  ],
};

/** The fields of a message in order, by the rules of protocol buffers and nothing else. */
function fieldsOf(bytes: Uint8Array): { number: number; value: bigint | Uint8Array }[] {
  const fields = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (size: number): Uint8Array => {
    assert.ok(at + size <= bytes.length, 'a field ends after its message');
    at += size;
    return bytes.subarray(at - size, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    assert.ok([0, 2, 5].includes(wire), `wire type ${wire}`);
    const value = wire === 0 ? varint() : take(wire === 5 ? 4 : Number(varint()));
    fields.push({ number: tag >> 3, value });
  }
  return fields;
}

/** All values of a field. */
function all(bytes: Uint8Array, number: number): Uint8Array[] {
  return fieldsOf(bytes)
    .filter((field) => field.number === number)
    .map(({ value }) => value as Uint8Array);
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test('a model says its version, its operator sets and its graph', () => {
  const model = fieldsOf(encodeOnnx(small));
  assert.equal(
    model.map(({ number }) => number),
    [1, 2, 7, 8, 8],
  );
  assert.is(model[0].value, 8n);
  const sets = all(encodeOnnx(small), 8).map((set) => fieldsOf(set));
  assert.equal(
    sets.map(([domain, version]) => [text(domain.value as Uint8Array), version.value]),
    [
      ['', 17n],
      [MICROSOFT, 1n],
    ],
  );
});

test('nodes, constants, inputs and outputs are in their fields', () => {
  const [graph] = all(encodeOnnx(small), 7);
  const nodes = all(graph, 1).map((node) => [
    text(all(node, 4)[0]),
    ...all(node, 1).map(text),
    ...all(node, 2).map(text),
  ]);
  assert.equal(nodes, [
    ['MatMul', 'x', 'weights', 'product'],
    ['Add', 'product', 'ones', 'y'],
    ['Slice', 'y', 'start', 'end', 'corner'],
  ]);
  const [weights, , start] = all(graph, 5);
  const numbers = fieldsOf(weights).map(({ number }) => number);
  assert.equal(numbers, [1, 1, 2, 8, 9], 'two sizes, a type, a name, values');
  assert.is(text(all(weights, 8)[0]), 'weights');
  assert.equal(new Float32Array(all(weights, 9)[0].slice().buffer), Float32Array.of(1, 2, 3, 4, 5, 6));
  assert.equal(new BigInt64Array(all(start, 9)[0].slice().buffer), BigInt64Array.of(1n, 1n));
  const names = (number: number): string[] => all(graph, number).map((port) => text(all(port, 1)[0]));
  assert.equal([names(11), names(12)], [['x'], ['y', 'corner']]);
});

test('attributes keep their type, also numbers below zero and long ones', () => {
  const attributes = { axis: -1, epsilon: { float: 0.5 }, sizes: [300, 5] };
  const graph = {
    ...small,
    nodes: [{ op: 'Made', inputs: [], outputs: ['y'], attributes, domain: MICROSOFT }],
  };
  const [node] = all(all(encodeOnnx(graph), 7)[0], 1);
  assert.is(text(all(node, 7)[0]), MICROSOFT);
  const [axis, epsilon, sizes] = all(node, 5).map((attribute) => fieldsOf(attribute).slice(1));
  assert.equal(axis, [
    { number: 3, value: 2n ** 64n - 1n },
    { number: 20, value: 2n },
  ]);
  assert.equal(epsilon, [
    { number: 2, value: Uint8Array.of(0, 0, 0, 0x3f) },
    { number: 20, value: 1n },
  ]);
  assert.equal(sizes, [
    { number: 8, value: 300n },
    { number: 8, value: 5n },
    { number: 20, value: 7n },
  ]);
});

const tiny: BlockWork = { kind: 'block', name: 'tiny', tokens: 5, heads: 2, headDim: 4, result: 'output' };

test('every tensor that a graph reads is fed, constant or made before', () => {
  const made: Work[] = [
    { kind: 'matmul', name: 'nt', layout: 'NT', m: 2, k: 3, n: 4 },
    { kind: 'attention', name: 'attention', tokens: 3, heads: 2, headDim: 4 },
    { kind: 'layernorm', name: 'layernorm', rows: 2, cols: 4 },
    tiny,
  ];
  for (const [work, fused] of made.flatMap((each) => [[each, true] as const, [each, false] as const])) {
    const { graph, feeds } = graphOf(work, makeInputs(work), fused)!;
    const known = new Set([...Object.keys(feeds), ...graph.constants.map(({ name }) => name)]);
    for (const { op, inputs, outputs } of graph.nodes) {
      assert.equal(
        inputs.filter((name) => !known.has(name)),
        [],
        `${work.name}: ${op}`,
      );
      for (const name of outputs) known.add(name);
    }
    assert.ok(known.has('y') && known.has(PROBE), work.name);
  }
  assert.is(graphOf({ ...tiny, result: 'weights' }, makeInputs(tiny), true), undefined);
});

/** onnxruntime is there only after `npm run bench -- --peers`. */
const installed = (() => {
  try {
    return createRequire(projectPath('bench/peers/package.json'))('onnxruntime-node');
  } catch {
    return null;
  }
})() as typeof import('onnxruntime-node') | null;

if (installed !== null) {
  test('onnxruntime computes the graph', async () => {
    const { InferenceSession, Tensor } = installed;
    const session = await InferenceSession.create(encodeOnnx(small), { executionProviders: ['cpu'] });
    const x = new Tensor('float32', Float32Array.of(1, 0, 0, 1, 1, 1), [2, 3]);
    const { y, corner } = await session.run({ x });
    assert.equal([...y.data], [2, 3, 10, 13]);
    assert.equal([...corner.data], [13]);
    await session.release();
  });
}

test.run();
