import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { ShapeError } from '../../../engine/errors.ts';
import { worstError } from '../../../engine/gpu/run.ts';
import { valueAndGrad } from '../../../engine/grad.ts';
import { linear } from '../../../engine/ops/linear.ts';
import { matmul } from '../../../engine/ops/matmul.ts';
import { sumAll } from '../../../engine/ops/sum_all.ts';
import type { Shape } from '../../../engine/shape.ts';
import { softwareSubgroups } from '../../../kernels/kernel.ts';
import { ACTIVATION, matmulReference } from '../../../kernels/matmul/reference.ts';
import { readSafetensors } from '../../../model/weights/safetensors.ts';
import { openEngine } from '../../support/device.ts';
import { errorOf } from '../../support/error_of.ts';
import { goldenPath } from '../../support/paths.ts';
import { checkOp, evaluate, type Host, type Inputs, launched, values } from './vjp.ts';

/** Products and linear layers against the float64 reference, and against PyTorch where it says something. */
const test = suite('matmul gradients');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

interface Product {
  a: Shape;
  b: Shape;
  transposeA?: boolean;
  transposeB?: boolean;
}

/** The sizes that a product of these shapes has, worked out apart from the operation. */
function productReference({
  a,
  b,
  transposeA = false,
  transposeB = false,
}: Product): (host: Host) => Float64Array {
  const batch = a.slice(0, -2).reduce((x, y) => x * y, 1);
  const [m, k] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const n = b.at(transposeB ? -2 : -1)!;
  const nothing = { bias: 0, activation: ACTIVATION.none, residual: 0, preactivation: 0 };
  const dims = { batch, m, n, k, sharedA: 0, sharedB: Number(b.length < a.length), ...nothing };
  return (host) => matmulReference(dims, host, transposeA, transposeB).c;
}

function checkProduct(product: Product): Promise<void> {
  const { a, b, ...transposes } = product;
  return checkOp(
    engine,
    { a: values(a, 1), b: values(b, 2) },
    (t) => matmul({ a: t.a, b: t.b, ...transposes }),
    productReference(product),
  );
}

for (const transposeA of [false, true]) {
  for (const transposeB of [false, true]) {
    const name = `op(a) op(b), ${transposeA ? 'a^T' : 'a'}, ${transposeB ? 'b^T' : 'b'}`;
    const shapes = (m: number, n: number, k: number): { a: Shape; b: Shape } => ({
      a: transposeA ? [k, m] : [m, k],
      b: transposeB ? [n, k] : [k, n],
    });
    test(name, () => checkProduct({ ...shapes(5, 7, 11), transposeA, transposeB }));
    test(`${name}: batches`, () => {
      const { a, b } = shapes(4, 6, 3);
      return checkProduct({ a: [2, 3, ...a], b: [2, 3, ...b], transposeA, transposeB });
    });
    test(`${name}: one b for all`, () => {
      const { a, b } = shapes(3, 5, 6);
      return checkProduct({ a: [2, 2, ...a], b, transposeA, transposeB });
    });
  }
}

for (const transposed of [false, true]) {
  // with their gradients these go through every way of packing
  test(`a product large enough for panels, ${transposed ? 'a^T b^T' : 'a b'}`, () =>
    checkProduct({
      a: transposed ? [515, 513] : [513, 515],
      b: transposed ? [514, 515] : [515, 514],
      transposeA: transposed,
      transposeB: transposed,
    }));
}

test('any sizes', async () => {
  const size = fc.integer({ min: 1, max: 40 });
  await fc.assert(
    fc.asyncProperty(
      size,
      size,
      size,
      fc.boolean(),
      fc.boolean(),
      async (m, n, k, transposeA, transposeB) => {
        const a = values(transposeA ? [k, m] : [m, k], m);
        const b = values(transposeB ? [n, k] : [k, n], n);
        const reference = productReference({ a: a.shape, b: b.shape, transposeA, transposeB });
        const { c } = await engine.fetch(() => ({
          c: matmul({
            a: engine.tensor(Float32Array.from(a.values), a.shape),
            b: engine.tensor(Float32Array.from(b.values), b.shape),
            transposeA,
            transposeB,
          }),
        }));
        assert.ok(worstError(Float64Array.from(c), reference({ a: a.values, b: b.values })) < 1e-6);
      },
    ),
    { numRuns: 40, seed: 5 },
  );
});

/** A linear layer of 3 x 5 rows, 6 columns to 9. */
const layer: Inputs = {
  x: values([3, 5, 6], 1),
  weight: values([9, 6], 2),
  bias: values([9], 3),
  residual: values([3, 5, 9], 4),
};

function linearReference(activation: keyof typeof ACTIVATION): (host: Host) => Float64Array {
  return (host) => {
    const sizes = { batch: 1, m: 15, n: 9, k: 6, sharedA: 0, sharedB: 0, preactivation: 0 };
    const uses = { bias: Number('bias' in host), residual: Number('residual' in host) };
    const dims = { ...sizes, ...uses, activation: ACTIVATION[activation] };
    const { bias, residual } = host;
    return matmulReference(dims, { a: host.x, b: host.weight, bias, residual }, false, true).c;
  };
}

function only(...names: string[]): Inputs {
  return Object.fromEntries(names.map((name) => [name, layer[name]]));
}

for (const activation of [undefined, 'quick_gelu', 'relu'] as const) {
  for (const names of [['x', 'weight'], ['x', 'weight', 'bias'], Object.keys(layer)]) {
    test(`linear of ${names.join(', ')}, ${activation ?? 'no activation'}`, () =>
      checkOp(
        engine,
        only(...names),
        ({ x, weight, bias, residual }) => linear({ x, weight, bias, residual, activation }),
        linearReference(activation ?? 'none'),
        2e-6,
      ));
  }
}

test('a residual may be the layer input itself', async () => {
  const square: Inputs = { x: values([7, 8], 1), weight: values([8, 8], 2) };
  await checkOp(
    engine,
    square,
    ({ x, weight }) => linear({ x, weight, residual: x }),
    ({ x, weight }) => {
      const none = { bias: 0, activation: 0, preactivation: 0, sharedA: 0, sharedB: 0 };
      const dims = { batch: 1, m: 7, n: 8, k: 8, residual: 1, ...none };
      return matmulReference(dims, { a: x, b: weight, residual: x }, false, true).c;
    },
  );
});

test('linear agrees with PyTorch', async () => {
  const entry = JSON.parse(readFileSync(goldenPath('micro_ops.json'), 'utf8')).linear;
  const { tensors } = await readSafetensors(goldenPath('micro_ops.safetensors'));
  const golden = (name: string): Float64Array =>
    Float64Array.from(tensors.get(`linear/${name}`)!.data, Number);
  const inputs: Inputs = Object.fromEntries(
    ['x', 'weight', 'bias'].map((name) => [name, { shape: entry.inputs[name], values: golden(name) }]),
  );
  const found = await evaluate(
    engine,
    inputs,
    ({ x, weight, bias }) => linear({ x, weight, bias }),
    golden('dy'),
  );
  assert.ok(worstError(found.y, golden('y')) < 1e-6);
  for (const name of Object.keys(inputs)) {
    assert.ok(worstError(found.gradients[name], golden(`d_${name}`)) < 1e-6, name);
  }
});

/** Kernels that a linear layer with QuickGELU runs when these inputs want gradients. */
function kernelsOf(...trainable: string[]): string[] {
  const parameters = Object.entries(layer).map(([name, { shape, values: data }]) =>
    engine.parameter(name, Float32Array.from(data), shape, trainable.includes(name)),
  );
  const [x, weight, bias, residual] = parameters;
  const names = launched(engine, () => {
    valueAndGrad(engine, parameters, () =>
      sumAll({ x: linear({ x, weight, bias, residual, activation: 'quick_gelu' }) }),
    );
  });
  for (const parameter of parameters) parameter.dispose();
  return names.filter((name) => /matmul|activation|reduce/.test(name));
}

test('only wanted gradients are computed', () => {
  const bend = 'activation.quick_gelu_backward';
  assert.equal(kernelsOf('x'), ['matmul.nt', bend, 'matmul.nn']);
  assert.equal(kernelsOf('weight'), ['matmul.nt', bend, 'matmul.tn']);
  assert.equal(kernelsOf('bias'), ['matmul.nt', bend, 'reduce.columns']);
  assert.equal(kernelsOf('residual'), ['matmul.nt']);
  assert.equal(kernelsOf(), ['matmul.nt']);
});

test('a large product goes through panels where a subgroup is a register, and lets go of them', () => {
  const { live } = engine.stats();
  const names = launched(engine, () => {
    engine.scope(() => void matmul({ a: engine.zeros([512, 256]), b: engine.zeros([256, 512]) }));
  });
  const panels = softwareSubgroups(engine.gpu.device.facts);
  assert.equal(names, panels ? ['matmul.pack', 'matmul.pack', 'matmul.outer'] : ['matmul.nn']);
  assert.is(engine.stats().live, live);
});

test('backward holds only what it will read', () => {
  const bytes = (trainable: string): number => {
    const parameters = ['x', 'weight'].map((name) =>
      engine.parameter(name, new Float32Array(64 * 64), [64, 64], name === trainable),
    );
    const [x, weight] = parameters;
    const before = engine.stats().live;
    let held = 0;
    engine.scope(() => {
      valueAndGrad(engine, parameters, () => {
        const y = engine.scope(() => linear({ x: linear({ x, weight: x }), weight }));
        held = engine.stats().live - before;
        return sumAll({ x: y });
      });
    });
    assert.is(engine.stats().live, before);
    for (const parameter of parameters) parameter.dispose();
    return held;
  };
  // the inner layer's output is the outer layer's input: kept for the gradient of the outer weight alone
  assert.is(bytes('x'), 64 * 64 * 4);
  assert.is(bytes('weight'), 2 * 64 * 64 * 4);
});

function refusal(body: () => unknown): string {
  return errorOf(ShapeError, () => engine.scope(body)).message;
}

test('what does not fit is refused by name', () => {
  const zeros = (...shape: number[]) => engine.zeros(shape);
  assert.is(
    refusal(() => matmul({ a: zeros(1025, 768), b: zeros(512, 768) })),
    'matmul: a (1025, 768) x b (512, 768): inner 768 != 512; transposeB?',
  );
  assert.is(
    refusal(() => matmul({ a: zeros(6, 4), b: zeros(6, 5) })),
    'matmul: a (6, 4) x b (6, 5): inner 4 != 6; transposeA?',
  );
  assert.is(
    refusal(() => matmul({ a: zeros(6, 4), b: zeros(3, 5), transposeB: true })),
    'matmul: a (6, 4) x b (3, 5): inner 4 != 5',
  );
  assert.is(
    refusal(() => matmul({ a: zeros(2, 6, 4), b: zeros(3, 4, 5) })),
    'matmul: a (2, 6, 4) x b (3, 4, 5): batch (2) != (3)',
  );
  assert.is(
    refusal(() => matmul({ a: zeros(4), b: zeros(4, 5) })),
    'matmul: a (4) x b (4, 5): wanted two axes or more',
  );
  assert.is(
    refusal(() => linear({ x: zeros(2, 4), weight: zeros(4, 3) })),
    'linear: x (2, 4), weight (4, 3): inner 4 != 3',
  );
  assert.is(
    refusal(() => linear({ x: zeros(2, 3), weight: zeros(4, 3), bias: zeros(3) })),
    'linear: bias is (3), wanted (4)',
  );
  assert.is(
    refusal(() => linear({ x: zeros(2, 3), weight: zeros(4, 3), residual: zeros(2, 3) })),
    'linear: residual is (2, 3), wanted (2, 4)',
  );
});

test.run();
