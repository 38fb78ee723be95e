import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { NonFiniteError } from '../../engine/errors.ts';
import { Random } from '../../engine/random.ts';
import type { ModelConfig } from '../../model/config.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { ParameterStore } from '../../model/store.ts';
import type { Batch } from '../../train/data/loader.ts';
import { AdamW } from '../../train/optimizer.ts';
import type { StepContext } from '../../train/step.ts';
import { Trainer } from '../../train/trainer.ts';
import { openEngine } from '../support/device.ts';

const SIZE = 16;
const CLASSES = 3;
const BATCH = 2;

const config: ModelConfig = {
  vision: { patch: 4, width: 24, layers: 3, heads: 2, embedDim: 12, resolution: SIZE },
  prompts: { count: 2, deep: 2, dropout: 0.1 },
  stages: [[0, 1], [2]],
  aggregation: 'gaussian',
  sharedQueries: false,
  decoder: { layers: 2, heads: 2, hiddenMultiple: 2, dropout: 0.1 },
  logitBias: -2,
  headStd: null,
};
const loss = { focalWeight: 100, diceWeight: 1, alpha: 0.25, gamma: 2 };
const optim = {
  lr: 1e-3,
  weightDecay: 0.01,
  betas: [0.9, 0.999] as const,
  eps: 1e-8,
  rules: [{ key: 'decode_head', lrMultiple: 3 }],
};
const schedule = { maxIters: 300, warmupIters: 5, warmupRatio: 1e-6, power: 0.9, minLr: 1e-6 };

/** A small run whose data depend on the step alone. */
class Run {
  readonly store: ParameterStore;
  readonly optimizer: AdamW;
  readonly trainer: Trainer;
  private readonly accumulation: number;
  private readonly engine: Engine;

  constructor(engine: Engine, { accumulation = 1, batch = BATCH, dropout = 0.1, mode = 'inductive' } = {}) {
    const own: ModelConfig = {
      ...config,
      prompts: { ...config.prompts, dropout },
      decoder: { ...config.decoder, dropout },
    };
    this.engine = engine;
    this.accumulation = accumulation;
    this.store = new ParameterStore(engine, parameterSpecs(own), new Map(), 7);
    this.optimizer = new AdamW(engine, this.store.trainable, optim);
    const random = new Random(3);
    const text = Float32Array.from({ length: CLASSES * 12 }, () => random.normal());
    const context: StepContext = {
      engine,
      config: own,
      store: this.store,
      loss,
      text: engine.tensor(text, [CLASSES, 12]),
      novel: mode === 'transductive' ? engine.tensor(Uint32Array.of(1, 2), [2]) : null,
    };
    this.trainer = new Trainer(
      { context, optimizer: this.optimizer, schedule, accumulation, batch, crop: SIZE, seed: 5, history: 10 },
      0,
    );
  }

  async steps(from: number, to: number, data = batches): Promise<void> {
    for (let step = from; step < to; step++) await this.trainer.step(step, data(step, this.accumulation));
    await this.engine.settle();
  }

  /** Every parameter's bits. */
  async bits(): Promise<string> {
    const state = await this.store.stateDict();
    return [...state.values()].map(({ data }) => Buffer.from(data.buffer).toString('base64')).join();
  }
}

/** The images of one step, cut into micro-batches. */
function batches(step: number, count: number, spoil = false): Batch[] {
  const size = BATCH / count;
  return Array.from({ length: count }, (_, part) => {
    const images = new Float32Array(size * 3 * SIZE * SIZE);
    const labels = new Int32Array(size * SIZE * SIZE);
    for (let i = 0; i < size; i++) {
      const random = new Random(11, step, part * size + i);
      for (let k = 0; k < 3 * SIZE * SIZE; k++) images[i * 3 * SIZE * SIZE + k] = random.normal();
      for (let k = 0; k < SIZE * SIZE; k++) {
        const draw = random.integer(0, CLASSES + 2);
        labels[i * SIZE * SIZE + k] = draw < CLASSES ? draw : draw === CLASSES ? 255 : -1;
      }
    }
    if (spoil) images[5] = Number.NaN;
    return { images, labels, names: [`image-${step}-${part}`], step, waitMs: 0 };
  });
}

const test = suite('training step');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

test('2 x 10 steps through saved state equal 20 steps, bit for bit', async () => {
  const whole = new Run(engine);
  await whole.steps(0, 20);
  const first = new Run(engine);
  await first.steps(0, 10);
  const second = new Run(engine);
  for (const [name, tensor] of await first.store.stateDict()) {
    const parameter = second.store.specs.find((spec) => spec.name === name);
    if (parameter && !parameter.inert) second.store.get(name).write(tensor.data as Float32Array<ArrayBuffer>);
  }
  second.optimizer.restore(await first.optimizer.stateDict(), first.optimizer.updates);
  await second.steps(10, 20);
  assert.ok((await whole.bits()) === (await second.bits()), 'parameters differ');
});

test('steady state: nothing is created, one submit a step, the same live bytes after step 2 and step 200', async () => {
  const run = new Run(engine);
  await run.steps(0, 2);
  const before = engine.stats();
  await run.steps(2, 200);
  const after = engine.stats();
  assert.is(after.live, before.live, 'live bytes');
  assert.is(after.reserved, before.reserved, 'reserved bytes');
  assert.is(after.created, before.created, 'buffers');
  assert.is(after.pipelines, before.pipelines, 'pipelines');
  assert.is(after.bindGroups, before.bindGroups, 'bind groups');
  assert.is(after.submits - before.submits, 198, 'submits');
});

test('micro-batches equal one large batch', async () => {
  const large = new Run(engine, { dropout: 0 });
  await large.steps(0, 3);
  const small = new Run(engine, { dropout: 0, accumulation: 2, batch: 1 });
  await small.steps(0, 3);
  const [a, b] = [await large.store.stateDict(), await small.store.stateDict()];
  let moved = 0;
  for (const [name, { data }] of a) {
    // a key bias shifts all scores of a query alike: its gradient is rounding noise, which Adam scales up
    if (name.endsWith('multihead_attn.k.bias')) continue;
    const other = b.get(name)!.data as Float32Array;
    for (let i = 0; i < other.length; i++) {
      const difference = Math.abs(Number(data[i]) - other[i]);
      // Adam's first steps have the size of the learning rate whatever the gradient: 1e-2 of one is rounding
      assert.ok(difference < 3e-5, `${name}[${i}] differs by ${difference}`);
    }
    moved += other.length;
  }
  assert.ok(moved > 1000);
  const [one, two] = [await large.trainer.report(3), await small.trainer.report(3)];
  assert.ok('total' in one && 'total' in two && Math.abs(one.total - two.total) < 1e-4 * one.total);
});

test('the loss falls on repeated data', async () => {
  const run = new Run(engine, { dropout: 0 });
  await run.steps(0, 1, () => batches(0, 1));
  const start = await run.trainer.report(1);
  await run.steps(1, 60, () => batches(0, 1));
  const end = await run.trainer.report(60);
  assert.ok(
    'total' in start && 'total' in end && end.total < 0.7 * start.total,
    JSON.stringify([start, end]),
  );
});

test('self-training labels unlabelled pixels and runs', async () => {
  const run = new Run(engine, { mode: 'transductive' });
  await run.steps(0, 3);
  const report = await run.trainer.report(3);
  assert.ok('total' in report && Number.isFinite(report.total));
});

test('in f16 a run with dropout begins with the loss of f32, and trains', async () => {
  if (!engine.gpu.device.facts.f16) return;
  const other = await openEngine({ precision: 'f16' });
  try {
    const [full, half] = [new Run(engine), new Run(other)];
    await full.steps(0, 1);
    await half.steps(0, 1);
    const [wanted, start] = [await full.trainer.report(1), await half.trainer.report(1)];
    await half.steps(1, 20);
    const end = await half.trainer.report(20);
    assert.ok('total' in wanted && 'total' in start && 'total' in end);
    const error = Math.abs(start.total / wanted.total - 1);
    assert.ok(error < 1e-3, `${start.total} in f16, ${wanted.total} in f32`);
    assert.ok(end.total < 0.9 * start.total, `${start.total}, then ${end.total}`);
  } finally {
    await other.close();
  }
});

test('a loss that is not finite changes nothing and is explained', async () => {
  const run = new Run(engine);
  await run.steps(0, 2);
  const before = await run.bits();
  await run.steps(2, 5, (step, count) => batches(step, count, step === 3));
  const report = await run.trainer.report(5);
  assert.equal(report, { step: 3 });
  assert.ok(before !== (await run.bits()), 'step 2 was good and must count');
  const good = new Run(engine);
  await good.steps(0, 3);
  assert.ok((await good.bits()) === (await run.bits()), 'the bad step changed a parameter');
  const error = await run.trainer.diagnose(3, batches(3, 1, true));
  assert.instance(error, NonFiniteError);
  assert.match(error.message, /step 4: .*vit\.input.*image-3-0/);
});

test.run();
