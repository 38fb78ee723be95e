import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { embeddedPreset, fullPreset } from '../../train/config/presets.ts';
import { shortSideSize } from '../../train/data/image/geometry.ts';
import { slidingWindows } from '../../train/evaluation/sliding_window.ts';
import { parameterSettings } from '../../train/parameter_groups.ts';
import { learningRate } from '../../train/schedule.ts';
import { goldenPath } from '../support/paths.ts';

interface MicroOps {
  lr_schedule: {
    power: number;
    min_lr: number;
    warmup_iters: number;
    warmup_ratio: number;
    rows: { t: number; base: number; max_iters: number; lr: number }[];
  };
  param_groups: { name: string; lr: number; weight_decay: number }[];
  windows: { h: number; w: number; crop: number; stride: number; y1y2x1x2: number[][] }[];
}

const golden = JSON.parse(readFileSync(goldenPath('micro_ops.json'), 'utf8')) as MicroOps;
const test = suite('schedule, parameter rules, windows');

/** Twice the spacing of float64: powers may round differently from one library to the next. */
const relativeTolerance = 4.5e-16;

test('learning rates equal the golden rows', () => {
  const { rows, ...source } = golden.lr_schedule;
  assert.is(rows.length, 72);
  for (const { t, base, max_iters: maxIters, lr } of rows) {
    const schedule = {
      maxIters,
      warmupIters: source.warmup_iters,
      warmupRatio: source.warmup_ratio,
      power: source.power,
      minLr: source.min_lr,
    };
    const got = learningRate(t, base, schedule);
    assert.ok(Math.abs(got - lr) <= relativeTolerance * lr, `step ${t} of ${maxIters}: ${got}, wanted ${lr}`);
  }
});

test('the presets of the benchmarks use the golden schedule', () => {
  const { power, min_lr, warmup_iters, warmup_ratio } = golden.lr_schedule;
  const { schedule } = fullPreset('coco171');
  assert.equal(
    [schedule.power, schedule.minLr, schedule.warmupIters, schedule.warmupRatio],
    [power, min_lr, warmup_iters, warmup_ratio],
  );
});

test('without warm-up the first step has the base rate, and rates never rise', () => {
  const schedule = { maxIters: 50, warmupIters: 0, warmupRatio: 0, power: 0.9, minLr: 1e-6 };
  assert.is(learningRate(0, 1e-3, schedule), 1e-3);
  assert.ok(Math.abs(learningRate(50, 1e-3, schedule) - 1e-6) < 1e-18);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 49 }), (step) => {
      assert.ok(learningRate(step + 1, 1e-3, schedule) < learningRate(step, 1e-3, schedule));
    }),
  );
});

test('parameter rules equal the golden groups', () => {
  const { optim } = fullPreset('voc20');
  const settings = parameterSettings(
    golden.param_groups.map(({ name }) => name),
    optim,
  );
  for (const { name, lr, weight_decay: weightDecay } of golden.param_groups) {
    const got = settings.get(name)!;
    assert.ok(Math.abs(got.lr - lr) <= relativeTolerance * lr, `${name}: ${got.lr}, wanted ${lr}`);
    assert.is(got.weightDecay, weightDecay, name);
  }
});

test('the longest key wins, ties go by the alphabet, whatever the order of the rules', () => {
  const rules = [
    { key: 'aa', lrMultiple: 2 },
    { key: 'bb', lrMultiple: 3, decayMultiple: 0 },
    { key: 'abc', decayMultiple: 5 },
  ];
  for (const order of [rules, rules.toReversed()]) {
    const settings = parameterSettings(['aabb', 'bb', 'aabbabc', 'c'], {
      lr: 1,
      weightDecay: 0.5,
      rules: order,
    });
    assert.equal(Object.fromEntries(settings), {
      aabb: { lr: 2, weightDecay: 0.5 },
      bb: { lr: 3, weightDecay: 0 },
      aabbabc: { lr: 1, weightDecay: 2.5 },
      c: { lr: 1, weightDecay: 0.5 },
    });
  }
});

test('the embedded preset trains its head three times as fast as its prompts', () => {
  const settings = parameterSettings(
    [
      'backbone.prompt_embeddings',
      'decode_head.weights_s1',
      'decode_head.cascade_decoders.0.layers.0.norm2.weight',
    ],
    embeddedPreset().optim,
  );
  assert.equal(
    [...settings.values()],
    [
      { lr: 1e-3, weightDecay: 0.01 },
      { lr: 3e-3, weightDecay: 0.01 },
      { lr: 3e-3, weightDecay: 0.01 },
    ],
  );
});

for (const { h, w, crop, stride, y1y2x1x2 } of golden.windows) {
  test(`windows of ${h} x ${w} equal the golden ones`, () => {
    const got = slidingWindows(h, w, crop, stride).map(({ y1, y2, x1, x2 }) => [y1, y2, x1, x2]);
    assert.equal(got, y1y2x1x2);
  });
}

test('windows cover every pixel, lie inside and are as large as the crop where the image is', () => {
  const side = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(side, side, side, side, (height, width, crop, stride) => {
      const covered = new Uint8Array(height * width);
      for (const { y1, y2, x1, x2 } of slidingWindows(height, width, crop, Math.min(stride, crop))) {
        assert.ok(y1 >= 0 && x1 >= 0 && y2 <= height && x2 <= width);
        assert.is(y2 - y1, Math.min(crop, height));
        assert.is(x2 - x1, Math.min(crop, width));
        for (let y = y1; y < y2; y++) covered.fill(1, y * width + x1, y * width + x2);
      }
      assert.ok(covered.every((value) => value === 1));
    }),
  );
});

test('test images: the short side fits exactly, the long side is rounded half up', () => {
  const size = (height: number, width: number, side: number) => shortSideSize({ height, width }, side);
  assert.equal(size(375, 500, 512), { height: 512, width: 683 });
  assert.equal(size(500, 375, 512), { height: 683, width: 512 });
  assert.equal(size(48, 48, 48), { height: 48, width: 48 });
  assert.equal(size(2, 5, 3), { height: 3, width: 8 }, '7.5 becomes 8');
});

test.run();
