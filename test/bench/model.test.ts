import { basename } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fitPowerLaw } from '../../bench/model/scaling_fit.ts';
import { parseScaling } from '../../bench/model/scaling_options.ts';
import { scalingPlot } from '../../bench/model/scaling_plot.ts';
import { along, configAt, cropOf, fullSweep, pointsOf } from '../../bench/model/scaling_points.ts';
import {
  lawsOf,
  type ScalingResult,
  scalingMarkdown,
  scalingText,
} from '../../bench/model/scaling_report.ts';
import { type StepResult, stepText } from '../../bench/model/step.ts';
import { parseStep } from '../../bench/model/step_options.ts';
import { timeForward, timeKernels, timeSteps } from '../../bench/model/step_time.ts';
import { openCascade } from '../../bench/model/training.ts';
import { resultsFile } from '../../bench/results_file.ts';
import { ConfigError } from '../../engine/errors.ts';
import type { Peak } from '../../engine/gpu/peak.ts';
import { parseConfig } from '../../train/config/config.ts';
import { embeddedPreset } from '../../train/config/presets.ts';
import { openEngine } from '../support/device.ts';
import { errorOf } from '../support/error_of.ts';

const test = suite('bench: whole steps');

test('--step reads its flags and refuses what it does not know', () => {
  assert.equal(parseStep(['--step']), {
    preset: 'voc20',
    steps: null,
    kernels: false,
    checkpointing: false,
    precision: 'f32',
    json: undefined,
    adapter: undefined,
  });
  const request = parseStep(
    '--step --preset embedded --steps 7 --kernels --checkpointing --precision f16 --json a.json --adapter x'.split(
      ' ',
    ),
  );
  assert.equal(request, {
    preset: 'embedded',
    steps: 7,
    kernels: true,
    checkpointing: true,
    precision: 'f16',
    json: 'a.json',
    adapter: 'x',
  });
  const preset = errorOf(ConfigError, () => parseStep(['--step', '--preset', 'large']));
  assert.match(preset.message, "there is no preset 'large'");
  assert.match(errorOf(ConfigError, () => parseStep(['--step', '--steps', '0'])).message, "'0' is no whole");
  const nothing = errorOf(ConfigError, () =>
    parseStep('--step --preset miniature --checkpointing'.split(' ')),
  );
  assert.match(nothing.message, 'the miniature keeps all its activations');
  const half = errorOf(ConfigError, () => parseStep('--step --preset miniature --precision f16'.split(' ')));
  assert.match(half.message, '--precision f16: the pre-training of the miniature stores everything in f32');
});

test('--scaling reads its flags', () => {
  const nothing = { quick: false, layers: null, json: undefined, adapter: undefined };
  assert.equal(parseScaling(['--scaling']), nothing);
  assert.equal(parseScaling('--scaling --quick --layers 3 --json'.split(' ')), {
    ...nothing,
    quick: true,
    layers: 3,
    json: true,
  });
  const error = errorOf(ConfigError, () => parseScaling(['--scaling', '--json', 'a.txt']));
  assert.match(error.message, '--json a.txt does not end in .json');
  const layers = errorOf(ConfigError, () => parseScaling(['--scaling', '--layers', '13']));
  assert.match(layers.message, '--layers 13: the image tower has 12 blocks');
});

test('a step is timed without making anything new, and inference after it', async () => {
  const engine = await openEngine({ profile: true });
  try {
    const preset = embeddedPreset();
    const { vision, decoder, prompts } = preset.model;
    const training = openCascade(
      engine,
      {
        ...preset,
        data: { ...preset.data, crop: 16 },
        train: { ...preset.train, batch: 2 },
        model: {
          ...preset.model,
          vision: { ...vision, width: 16, heads: 2, layers: 2, embedDim: 8, resolution: 16 },
          prompts: { ...prompts, count: 2, deep: 1 },
          stages: [[0], [1]],
          decoder: { ...decoder, layers: 2, heads: 2 },
        },
      },
      { seen: 3, all: 4 },
    );
    const before = engine.stats();
    const times = await timeSteps(engine, training, 6);
    assert.is(times.submits, 1);
    assert.is(times.steps, 6);
    assert.is(times.stepsPerSample, 2);
    assert.is(times.dispatches, engine.gpu.recorder.dispatches);
    assert.ok(times.dispatches > 50, `${times.dispatches} dispatches`);
    assert.ok(times.peakBytes > before.live && times.peakBytes <= engine.stats().reserved);
    assert.ok(times.firstMs > times.stepMs && times.stepMs > 0 && times.hostMs > 0 && times.gpuMs! > 0);
    const { kernels, shapes } = await timeKernels(engine, training, peak);
    assert.is(
      kernels.reduce((sum, { count }) => sum + count, 0),
      times.dispatches,
    );
    assert.ok(kernels.every(({ ms, idealMs }) => ms > 0 && idealMs! > 0));
    assert.ok(shapes.length > kernels.length && shapes.every(({ kernel }) => / \w+=\d/.test(kernel)));
    const { live } = engine.stats();
    assert.ok((await timeForward(engine, training))! > 0);
    assert.ok(engine.stats().live < live, 'the step has let go of its buffers');
  } finally {
    await engine.close();
  }
});

const peak: Peak = { gflops: 80, copies: [{ bytes: 2 ** 24, gbps: 12 }] };
const stepResult: StepResult = {
  preset: 'voc20',
  checkpointing: false,
  precision: 'f32',
  peak,
  adapter: 'a card',
  machine: { cpu: 'a CPU', cores: 2, load: 0.5, peakRss: 3 * 2 ** 30, node: 'v20' },
  images: 1,
  imagesPerSecond: 0.125,
  forwardMs: 3000,
  engineMs: 20,
  storeMs: 1500,
  firstMs: 9000,
  stepMs: 8000,
  steps: 3,
  stepsPerSample: 1,
  hostMs: 40,
  gpuMs: 7900,
  dispatches: 700,
  submits: 1,
  peakBytes: 2 ** 30,
  shares: null,
};

test('a timed step is told in lines', () => {
  assert.equal(stepText(stepResult).split('\n'), [
    'a card: at best 80.0 GFLOP/s; copies move 16 MiB at 12.0 GB/s (measured now)',
    'voc20, a CPU, 2 cores, load 0.5',
    '',
    'step            8000 ms, median of 3 steps',
    'throughput      0.13 images/s (1 a step)',
    'GPU at work     7900 ms, 98.8% of a step',
    'host            40.0 ms, 0.5% of a step',
    'inference       3000 ms an image',
    'a step          700 dispatches, 1.00 submits',
    'GPU memory      1.0 GiB at most',
    'process memory  3.0 GiB at most',
    'start-up        device 20.0 ms, parameters 1500 ms, first step 9000 ms',
  ]);
  const time = { kernel: 'k', count: 2, ms: 4, flops: 4e8, bytes: 4e6, idealMs: 3 };
  const shares = { kernels: [time], shapes: [{ ...time, kernel: 'k M=3' }] };
  assert.equal(
    stepText({ ...stepResult, shares })
      .split('\n')
      .slice(12),
    [
      '',
      'Kernels of a step, each dispatch timed in a pass of its own',
      '',
      'kernel  count    ms   share  GFLOP/s  GB/s  roofline',
      'k           2  4.00  100.0%      100  1.00     75.0%',
      'all         2  4.00  100.0%      100  1.00     75.0%',
      '',
      'Kernels by size',
      '',
      'kernel  count    ms   share  GFLOP/s  GB/s  roofline',
      'k M=3       2  4.00  100.0%      100  1.00     75.0%',
      'all         2  4.00  100.0%      100  1.00     75.0%',
    ],
  );
  const busy = { ...stepResult, gpuMs: null, machine: { ...stepResult.machine, load: 2.5 } };
  assert.match(stepText({ ...busy, checkpointing: true }), 'voc20, activations recomputed, a CPU');
  assert.match(stepText({ ...busy, precision: 'f16' }), 'voc20, stored in f16, a CPU');
  assert.match(stepText(busy), 'load 2.5 (busy: times may be too long)');
  assert.match(stepText(busy), 'GPU at work     unknown: the adapter has no timestamps');
});

test('results are called by adapter, and by CPU where that computes', () => {
  const file = (software: boolean) =>
    basename(resultsFile('peers', { key: 'a-card-1.0', software }, 'A(R) CPU @ 3'));
  assert.is(file(false), 'peers-a-card-1.0.json');
  assert.is(file(true), 'peers-a-card-1.0-a-r-cpu-3.json');
});

test('a power law is found, with how well it fits', () => {
  const { exponent, factor, r2 } = fitPowerLaw([1, 2, 5, 10].map((size) => [size, 3 * size ** 1.5] as const));
  assert.ok(Math.abs(exponent - 1.5) < 1e-12 && Math.abs(factor - 3) < 1e-12 && Math.abs(r2 - 1) < 1e-12);
  // by hand: logs of x are 0, 1, 2 and of y 0, 2, 1 in powers of two; slope 1/2, explained 1/4
  const loose = fitPowerLaw([
    [1, 1],
    [2, 4],
    [4, 2],
  ]);
  assert.ok(Math.abs(loose.exponent - 0.5) < 1e-12 && Math.abs(loose.r2 - 0.25) < 1e-12);
  assert.is(
    fitPowerLaw([
      [1, 7],
      [9, 7],
    ]).r2,
    1,
    'nothing to explain',
  );
});

test('the sweep has every point once, and valid configurations for any depth', () => {
  const points = pointsOf(fullSweep);
  assert.is(points.length, 8);
  assert.equal(
    [256, 1024, 2304, 4096].map((tokens) => cropOf(tokens)),
    [256, 512, 768, 1024],
  );
  for (const layers of [1, 2, 3, 4, 7, 12]) {
    for (const sizes of points) {
      const config = parseConfig(configAt(sizes, layers), 'point');
      assert.is(config.model.stages.flat().at(-1), layers - 1);
    }
  }
  assert.equal(configAt(fullSweep.base, 12).model.stages, [[5, 6, 7], [8, 9, 10], [11]]);
});

const sweep = fullSweep;
const points = pointsOf(sweep).map((sizes) => ({
  sizes,
  stepMs: sizes.tokens ** 1.2 * sizes.batch * 2,
  samples: 3,
  peakBytes: 2 ** 28 + sizes.tokens * sizes.batch * 2 ** 17,
  stepBytes: sizes.tokens * sizes.batch * 2 ** 17,
}));
const scaling: ScalingResult = {
  adapter: 'a <card>',
  cpu: 'a CPU',
  cores: 2,
  node: 'v20',
  peak,
  loadBefore: 0.1,
  loadAfter: 1.9,
  layers: 4,
  sweep,
  points,
  laws: lawsOf(points, sweep),
};

test('the laws along each axis are told as tables and drawn', () => {
  const { tokens, batch, classes } = scaling.laws;
  assert.equal(
    [tokens, batch, classes].map(({ stepMs, stepBytes }) =>
      [stepMs, stepBytes].map((law) => law.exponent.toFixed(2)),
    ),
    [
      ['1.20', '1.00'],
      ['1.00', '1.00'],
      ['0.00', '0.00'],
    ],
  );
  assert.equal(
    along(points, 'classes', sweep).map(({ sizes }) => sizes.classes),
    [20, 59, 171],
  );
  const text = scalingText(scaling);
  assert.match(text, /^tokens +crop +batch/);
  assert.match(text, /tokens {3}tokens\^1\.20 +1\.000 /);
  const markdown = scalingMarkdown(scaling, 'plot.svg');
  assert.match(markdown, '4 blocks instead of 12');
  assert.match(markdown, '| 4096 | 1024 | 1 | 20 |');
  assert.match(markdown, '](plot.svg)');
  const svg = scalingPlot(scaling);
  assert.match(svg, 'on a &lt;card></title>');
  assert.match(svg, 'step time ~ tokens^1.20');
  assert.is(svg.match(/<circle /g)?.length, 3 * (4 + 3 + 3));
  assert.not.match(svg, 'NaN');
});

test.run();
