import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { ConfigError } from '../../engine/errors.ts';
import { Random } from '../../engine/random.ts';
import { cascadeMasks } from '../../model/cascade.ts';
import { type Aggregation, aggregations, type ModelConfig } from '../../model/config.ts';
import { noDropout } from '../../model/dropout.ts';
import { gaussianWeights, parameterSpecs } from '../../model/parameters.ts';
import { ParameterStore } from '../../model/store.ts';
import type { StateDict } from '../../model/weights/tensor_file.ts';
import { parseConfig } from '../../train/config/config.ts';
import { embeddedPreset } from '../../train/config/presets.ts';
import { stepGradients } from '../../train/step.ts';
import { openEngine } from '../support/device.ts';
import { errorOf } from '../support/error_of.ts';

const SIZE = 16;
const CLASSES = 3;
const D = 12;

const base: ModelConfig = {
  vision: { patch: 4, width: 24, layers: 3, heads: 2, embedDim: D, resolution: SIZE },
  prompts: { count: 2, deep: 2, dropout: 0 },
  stages: [[0, 1], [2]],
  aggregation: 'gaussian',
  sharedQueries: false,
  decoder: { layers: 2, heads: 2, hiddenMultiple: 2, dropout: 0 },
  logitBias: null,
  headStd: null,
};
const random = new Random(3);
const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal());
const image = normals(2 * 3 * SIZE * SIZE);
const text = normals(CLASSES * D);
const labels = Uint32Array.from({ length: 2 * SIZE * SIZE }, (_, i) => i % CLASSES);

const test = suite('aggregation and queries');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

/** All values of the default model; its NGA weights are not the Gaussian, so that they matter. */
async function published(): Promise<StateDict> {
  const state = await new ParameterStore(engine, parameterSpecs(base), new Map(), 7).stateDict();
  return new Map(state).set('decode_head.weights_s1', f32([2], [0.7, 1.3]));
}

const f32 = (shape: number[], values: ArrayLike<number>) => ({
  dtype: 'F32' as const,
  shape,
  data: Float32Array.from(values),
});

/** The store of a variant, with the values given where it has such a parameter. */
function storeOf(config: ModelConfig, given: StateDict): ParameterStore {
  return new ParameterStore(engine, parameterSpecs(config), given, 7);
}

async function masksOf(config: ModelConfig, given: StateDict): Promise<Float32Array> {
  const store = storeOf(config, given);
  const input = {
    image: engine.tensor(image, [2, 3, SIZE, SIZE]),
    text: engine.tensor(text, [CLASSES, D]),
    masks: noDropout,
  };
  const { masks } = await engine.fetch(() => ({ masks: cascadeMasks(engine, input, store, config) }));
  return masks as Float32Array;
}

function close(found: ArrayLike<number>, wanted: ArrayLike<number>, message: string): void {
  const largest = Math.max(...Array.from(wanted, Math.abs));
  const worst = Math.max(...Array.from(wanted, (value, i) => Math.abs(value - found[i]!)));
  assert.ok(found.length === wanted.length && largest > 0 && worst < 1e-5 * largest, `${message}: ${worst}`);
}

const headNames = (config: ModelConfig): string[] =>
  parameterSpecs(config)
    .filter(({ name }) => /weights_s|concat|q_projs/.test(name))
    .map(({ name, trainable }) => `${name.replace('decode_head.', '')}${trainable ? '' : ' frozen'}`);

test('parameters: published names by default, fixed weights frozen, a linear layer for concat, one shared projection', () => {
  const queries = ['q_projs.0', 'q_projs.1'].flatMap((name) => [`${name}.weight`, `${name}.bias`]);
  const own: Record<Aggregation, string[]> = {
    gaussian: ['weights_s1'],
    fixed_gaussian: ['weights_s1 frozen'],
    sum: ['weights_s1 frozen'],
    concat: ['concat_projs.0.weight', 'concat_projs.0.bias'],
  };
  for (const aggregation of aggregations) {
    assert.equal(headNames({ ...base, aggregation }), [...own[aggregation], ...queries], aggregation);
  }
  assert.equal(headNames({ ...base, sharedQueries: true }), ['weights_s1', ...queries.slice(0, 2)]);
  const shape = parameterSpecs({ ...base, aggregation: 'concat' }).find(({ name }) =>
    /concat.*weight/.test(name),
  )!;
  assert.equal(shape.shape, [D, 2 * D]);
});

test('fixed weights start as the Gaussian, the sum as ones', async () => {
  const weightsOf = async (aggregation: Aggregation) => [
    ...(await storeOf({ ...base, aggregation }, new Map())
      .get('decode_head.weights_s1')
      .read()),
  ];
  assert.equal(await weightsOf('sum'), [1, 1]);
  close(await weightsOf('fixed_gaussian'), gaussianWeights(2), 'fixed');
});

test('the same weights give the same masks: sum, fixed NGA and concat against NGA', async () => {
  const given = await published();
  const weighted = await masksOf(base, given);
  close(await masksOf({ ...base, aggregation: 'fixed_gaussian' }, given), weighted, 'fixed_gaussian');
  const eye = (scale: number[]) =>
    f32(
      [D, 2 * D],
      Array.from({ length: 2 * D * D }, (_, i) =>
        Math.floor(i / (2 * D)) === i % D ? scale[Math.floor((i % (2 * D)) / D)]! : 0,
      ),
    );
  const joined = new Map(given)
    .set('decode_head.concat_projs.0.weight', eye([0.7, 1.3]))
    .set('decode_head.concat_projs.0.bias', f32([D], new Float32Array(D)));
  close(await masksOf({ ...base, aggregation: 'concat' }, joined), weighted, 'concat');
  const equal = new Map(given).set('decode_head.weights_s1', f32([2], [1, 1]));
  const summed = await masksOf({ ...base, aggregation: 'sum' }, equal);
  close(summed, await masksOf(base, equal), 'sum');
  assert.not.equal([...summed], [...weighted]);
});

test('a shared projection gets the gradients of all decoders', async () => {
  const given = await published();
  for (const end of ['weight', 'bias'])
    given.set(`decode_head.q_projs.1.${end}`, given.get(`decode_head.q_projs.0.${end}`)!);
  const gradients = async (config: ModelConfig): Promise<Map<string, Float32Array>> => {
    const store = storeOf(config, given);
    const context = {
      engine,
      config,
      store,
      loss: { focalWeight: 100, diceWeight: 1, alpha: 0.25, gamma: 2 },
      text: engine.tensor(text, [CLASSES, D]),
      novel: null,
    };
    const batch = {
      image: engine.tensor(image, [2, 3, SIZE, SIZE]),
      labels: engine.tensor(labels, [2, SIZE, SIZE]),
    };
    const { grads } = stepGradients(context, [batch], null);
    const found = new Map<string, Float32Array>();
    for (const [{ name }, grad] of grads) found.set(name, (await grad.read()) as Float32Array);
    return found;
  };
  const shared = await gradients({ ...base, sharedQueries: true });
  const independent = await gradients(base);
  const [a, b] = ['0', '1'].map((k) => independent.get(`decode_head.q_projs.${k}.weight`)!);
  close(
    shared.get('decode_head.q_projs.0.weight')!,
    a!.map((value, i) => value + b![i]!),
    'gradient',
  );
  const joined = await gradients({ ...base, aggregation: 'concat' });
  const own = joined.get('decode_head.concat_projs.0.weight')!;
  assert.ok(own.every(Number.isFinite) && own.some((value) => value !== 0), 'concat is trained');
  assert.not.ok((await gradients({ ...base, aggregation: 'sum' })).has('decode_head.weights_s1'));
});

test('settings of a wrong kind are named', () => {
  const wrong = {
    ...embeddedPreset(),
    model: { ...embeddedPreset().model, aggregation: 'mean', sharedQueries: 1 },
  };
  const { message } = errorOf(ConfigError, () => parseConfig(wrong, 'test'));
  assert.match(
    message,
    /model\.aggregation: found the text "mean", wanted one of gaussian, fixed_gaussian, sum, concat/,
  );
  assert.match(message, /model\.sharedQueries: found 1, wanted true or false/);
});

test.run();
