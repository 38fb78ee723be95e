import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { worstError } from '../../../engine/gpu/run.ts';
import {
  l2norm,
  layernorm,
  patchUnfold,
  quickGelu,
  relationship,
  softmax,
} from '../../../engine/ops/index.ts';
import { readSafetensors } from '../../../model/weights/safetensors.ts';
import { openEngine } from '../../support/device.ts';
import { goldenPath } from '../../support/paths.ts';
import { evaluate, type Inputs, type Op } from './vjp.ts';

/** Operations against outputs and gradients that PyTorch computed in float64. */
const test = suite('golden micro operations');
const entries = JSON.parse(readFileSync(goldenPath('micro_ops.json'), 'utf8')) as Record<
  string,
  { eps?: number }
>;

let engine: Engine;
let golden: Map<string, { shape: number[]; values: Float64Array }>;
test.before(async () => {
  engine = await openEngine();
  const { tensors } = await readSafetensors(goldenPath('micro_ops.safetensors'));
  golden = new Map(
    [...tensors].map(([name, { shape, data }]) => [
      name,
      { shape: [...shape], values: Float64Array.from(data, Number) },
    ]),
  );
});
test.after(() => engine.close());

/** Runs an operation on the fixture's inputs and compares output and every gradient. */
async function check(name: string, inputs: readonly string[], op: Op): Promise<void> {
  const given: Inputs = Object.fromEntries(inputs.map((input) => [input, golden.get(`${name}/${input}`)!]));
  const { y, gradients } = await evaluate(engine, given, op, golden.get(`${name}/dy`)!.values);
  expectClose(y, golden.get(`${name}/y`)!.values, `${name}: y`);
  for (const input of inputs) {
    expectClose(gradients[input], golden.get(`${name}/d_${input}`)!.values, `${name}: d_${input}`);
  }
}

/** Some ten roundings of float32. */
const TOLERANCE = 1e-6;

function expectClose(found: Float64Array, truth: Float64Array, what: string): void {
  const error = worstError(found, truth);
  assert.ok(error <= TOLERANCE, `${what} is off by ${error.toExponential(2)}, allowed ${TOLERANCE}`);
}

for (const name of Object.keys(entries).filter((key) => key.startsWith('ln_'))) {
  test(name, () =>
    check(name, ['x', 'weight', 'bias'], (t) =>
      layernorm({ x: t.x, gamma: t.weight, beta: t.bias, eps: entries[name].eps! }),
    ),
  );
}
test('quick_gelu', () => check('quick_gelu', ['x'], (t) => quickGelu({ x: t.x })));
test('l2_normalise', () => check('l2_normalise', ['x'], (t) => l2norm({ x: t.x })));
test('softmax', () => check('softmax', ['x'], (t) => softmax({ x: t.x })));
test('relationship', () =>
  check('relationship', ['text', 'glob'], (t) => relationship({ text: t.text, global: t.glob })));

test('patch_embed', async () => {
  const x = golden.get('patch_embed/x')!;
  const weight = golden.get('patch_embed/weight')!;
  const [width, channels, side] = weight.shape;
  const inner = channels * side * side;
  const patches = golden.get('patch_embed/y')!.values.length / (x.shape[0] * width);
  /** Where feature f of patch n lies in (B, width, rows, cols); n counts through the batch. */
  const at = (n: number, f: number): number =>
    (Math.floor(n / patches) * width + f) * patches + (n % patches);

  // the linear layer around the unfolding, forward and backward, is done here
  const dy = golden.get('patch_embed/dy')!.values;
  const dunfolded = new Float64Array(x.shape[0] * patches * inner);
  for (let i = 0; i < dunfolded.length; i++) {
    const n = Math.floor(i / inner);
    for (let f = 0; f < width; f++) dunfolded[i] += dy[at(n, f)] * weight.values[f * inner + (i % inner)];
  }
  const found = await evaluate(engine, { x }, (t) => patchUnfold({ image: t.x, patch: side }), dunfolded);
  const y = new Float64Array(dy.length);
  for (let n = 0; n < x.shape[0] * patches; n++) {
    for (let f = 0; f < width; f++) {
      for (let k = 0; k < inner; k++) y[at(n, f)] += found.y[n * inner + k] * weight.values[f * inner + k];
    }
  }
  expectClose(y, golden.get('patch_embed/y')!.values, 'y');
  expectClose(found.gradients.x, golden.get('patch_embed/d_x')!.values, 'd_x');
});

test.run();
