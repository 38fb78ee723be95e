import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import type { DropoutMask } from '../../engine/ops/index.ts';
import { Random } from '../../engine/random.ts';
import { cascadeMasks } from '../../model/cascade.ts';
import type { ModelConfig } from '../../model/config.ts';
import { DropoutMasks } from '../../model/dropout.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { ParameterStore } from '../../model/store.ts';
import { openEngine } from '../support/device.ts';

const SIZE = 16;
const CLASSES = 3;
const config: ModelConfig = {
  vision: { patch: 4, width: 24, layers: 3, heads: 2, embedDim: 12, resolution: SIZE },
  prompts: { count: 2, deep: 2, dropout: 0.25 },
  stages: [[0, 1], [2]],
  aggregation: 'gaussian',
  sharedQueries: false,
  decoder: { layers: 3, heads: 2, hiddenMultiple: 2, dropout: 0.125 },
  logitBias: null,
  headStd: null,
};

const test = suite('dropout of the model');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

/** Notes every mask that is drawn, and may leave one out. */
class Noted extends DropoutMasks {
  readonly drawn: number[] = [];
  private readonly without: number | null;

  constructor(random: ReturnType<Engine['tensor']> | null, without: number | null = null) {
    super(random);
    this.without = without;
  }

  override next(probability: number): DropoutMask | undefined {
    const mask = super.next(probability);
    if (!mask) return undefined;
    this.drawn.push(probability);
    // a mask that is drawn and keeps everything
    return this.drawn.length - 1 === this.without ? { ...mask, probability: 0 } : mask;
  }
}

const random = new Random(2);
const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal());
const image = normals(2 * 3 * SIZE * SIZE);
const text = normals(CLASSES * 12);

async function masksOf(noted: DropoutMasks): Promise<string> {
  const store = new ParameterStore(engine, parameterSpecs(config), new Map(), 7);
  const input = {
    image: engine.tensor(image, [2, 3, SIZE, SIZE]),
    text: engine.tensor(text, [CLASSES, 12]),
    masks: noted,
  };
  const { masks } = await engine.fetch(() => ({ masks: cascadeMasks(engine, input, store, config) }));
  return masks.join();
}
const state = () => engine.tensor(Uint32Array.of(5, 0, 1, 0), [4]);

/** One for the prompts; for each of two decoders and two computed layers attention, its residual, FFN, its residual. */
const wanted = [0.25, ...new Array<number>(2 * 2 * 4).fill(0.125)];

test('a step drops prompts once, and in every computed decoder layer attention, FFN and both residuals', async () => {
  const noted = new Noted(state());
  await masksOf(noted);
  assert.equal(noted.drawn, wanted);
});

test('every mask that is drawn takes part', async () => {
  const all = await masksOf(new Noted(state()));
  assert.is(await masksOf(new Noted(state())), all, 'the same state drops the same');
  for (const index of wanted.keys()) {
    assert.is.not(await masksOf(new Noted(state(), index)), all, `mask ${index}`);
  }
});

test('without random state, or with probability 0, nothing is dropped', async () => {
  const noted = new Noted(null);
  await masksOf(noted);
  assert.equal(noted.drawn, []);
  assert.is(new DropoutMasks(state()).next(0), undefined);
});

test.run();
