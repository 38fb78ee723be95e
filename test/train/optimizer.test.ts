import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import type { Parameter, Tensor } from '../../engine/tensor.ts';
import { AdamW } from '../../train/optimizer.ts';
import { openEngine } from '../support/device.ts';

const test = suite('optimizer');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

test('a parameter without a gradient keeps its value and moments, whatever lies beside it', async () => {
  const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.cos(i + length));
  const parameters = Object.entries({ a: 3, b: 70, c: 2 }).map(([name, length]) =>
    engine.parameter(name, numbers(length), [length], true),
  );
  const settings = { lr: 0.1, weightDecay: 0.1, rules: [], betas: [0.9, 0.99] as const, eps: 1e-8 };
  const optimizer = new AdamW(engine, parameters, settings);
  const health = engine.zeros([2], 'u32');
  const step = (present: readonly Parameter[]): void => {
    const grads = new Map<Parameter, Tensor>(
      present.map((parameter) => [parameter, engine.tensor(numbers(parameter.size), parameter.shape)]),
    );
    optimizer.begin((base) => base);
    optimizer.gather(grads);
    optimizer.update(engine.one(), health);
  };
  /** Value, m and v of each parameter. */
  const read = async (): Promise<number[][][]> => {
    const state = await optimizer.stateDict();
    const found: number[][][] = [];
    for (const parameter of parameters) {
      const moments = ['m', 'v'].map((kind) => state.get(`optimizer.${kind}.${parameter.name}`)!);
      found.push(
        [await parameter.read(), ...moments.map(({ data }) => data)].map((data) => Array.from(data, Number)),
      );
    }
    return found;
  };
  step(parameters);
  const before = await read();
  step([parameters[0], parameters[2]]);
  const after = await read();
  for (const kind of [0, 1, 2]) {
    assert.equal(after[1][kind], before[1][kind]);
    for (const moved of [0, 2]) assert.not.equal(after[moved][kind], before[moved][kind]);
  }
  assert.ok(before.flat(2).every(Number.isFinite));
  optimizer.dispose();
  for (const tensor of [...parameters, health]) tensor.dispose();
});

test.run();
