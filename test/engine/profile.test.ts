import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { AdapterError, ConfigError } from '../../engine/errors.ts';
import { KernelTimes, kernelTable } from '../../engine/gpu/kernel_times.ts';
import { nodePlatform } from '../../engine/gpu/node.ts';
import { measurePeakOf, type Peak } from '../../engine/gpu/peak.ts';
import type { Timed } from '../../engine/gpu/profiler.ts';
import { add, scale } from '../../engine/ops/index.ts';
import { Timeline } from '../../engine/timeline.ts';
import { ProfileSession, type Recording, stepMs } from '../../train/profile/session.ts';
import { summarise } from '../../train/profile/summary.ts';
import { profileText } from '../../train/profile/text.ts';
import { traceOf } from '../../train/profile/trace.ts';
import { openEngine } from '../support/device.ts';
import { errorOf } from '../support/error_of.ts';

const test = suite('profile');
let engine: Engine;
test.before(async () => {
  engine = await openEngine({ profile: true });
});
test.after(() => engine.close());

const peak: Peak = { gflops: 100, copies: [{ bytes: 2 ** 21, gbps: 10 }] };

test('a table of kernels adds up counts, times, speeds and the share of the roofline', () => {
  const times = new KernelTimes(({ flops }) => flops / 1e8);
  times.add('small', 1, { flops: 1e7, bytes: 1e6 });
  times.add('large', 2, { flops: 1e8, bytes: 4e6 });
  times.add('large', 4, { flops: 2e8, bytes: 8e6 });
  assert.equal(kernelTable(times.list()).split('\n'), [
    'kernel  count    ms   share  GFLOP/s  GB/s  roofline',
    'large       2  6.00   85.7%     50.0  2.00     50.0%',
    'small       1  1.00   14.3%     10.0  1.00     10.0%',
    'all         3  7.00  100.0%     44.3  1.86     44.3%',
  ]);
  const plain = new KernelTimes();
  plain.add('k', 0, { flops: 5, bytes: 5 });
  assert.equal(kernelTable(plain.list()).split('\n'), [
    'kernel  count    ms  share  GFLOP/s  GB/s',
    'k           1  0.00      -        -     -',
    'all         1  0.00      -        -     -',
  ]);
});

test('the profiler times every dispatch with its place, and makes no query set twice', async () => {
  const profiler = engine.gpu.profiler!;
  const x = engine.tensor(new Float32Array(1000).fill(2), [1000]);
  const captured = engine.capture(() =>
    engine.at('blocks.3', () => {
      add({ a: scale({ x, factor: 3 }), b: x });
    }),
  );
  const rounds: Timed[][] = [];
  let made = 0;
  for (let round = 0; round < 4; round++) {
    profiler.start('dispatches');
    captured.submit();
    await engine.settle();
    rounds.push(await profiler.stop());
    if (round === 0) made = profiler.slotsCreated;
    captured.submit();
  }
  assert.is(profiler.slotsCreated, made);
  for (const lists of rounds) {
    assert.is(lists.length, 1);
    const [{ groups, stamps }] = lists;
    assert.equal(
      groups.map(([dispatch]) => dispatch.where),
      ['elementwise.scale in scale at blocks.3', 'elementwise.add in add at blocks.3'],
    );
    assert.is(groups[0][0].values.count, 1000);
    assert.ok(stamps[0] > 0n && stamps[1] >= stamps[0] && stamps[3] >= stamps[2], `${stamps}`);
  }
  profiler.start('passes');
  captured.submit();
  await engine.settle();
  const [passes] = await profiler.stop();
  assert.equal(
    passes.groups.map((group) => group.length),
    [2],
    'dispatches of one pass',
  );
  captured.release();
  x.dispose();
});

test('a timeline keeps what happens while it records', async () => {
  const timeline = new Timeline();
  assert.is(
    timeline.run('early', () => 1),
    1,
  );
  timeline.recording = true;
  assert.is(await timeline.run('slow', async () => 2), 2);
  assert.throws(() =>
    timeline.run('broken', () => {
      throw new Error('no');
    }),
  );
  assert.equal(
    timeline.spans.map(({ name }) => name),
    ['slow', 'broken'],
  );
  timeline.spans.splice(0, 2, { name: 'a', start: 1, end: 4 }, { name: 'b', start: 5, end: 9 });
  assert.equal([timeline.total(['a', 'b']), timeline.total(['a', 'b'], 2), timeline.total(['c'])], [7, 4, 0]);
});

/** A session over a step that is one dispatch; evaluates after step 5 and saves after step 8. */
async function record(last: number, steps: number): Promise<Recording[]> {
  const timeline = new Timeline();
  const found: Recording[] = [];
  const session = new ProfileSession({
    engine,
    timeline,
    steps,
    from: 0,
    last,
    finish: async (recording) => {
      found.push(recording);
    },
  });
  const x = engine.zeros([500]);
  const captured = engine.capture(() => void scale({ x, factor: 2 }));
  const evaluation = engine.capture(() => void add({ a: x, b: x }));
  for (let step = 0; step < last; step++) {
    await session.before(step);
    timeline.run('encode and submit', () => captured.submit());
    const done = step + 1;
    if (session.endsAt(done)) {
      session.tell([3, 4, 5, 6, 7, 8].map((at) => ({ step: at, focal: 1, dice: 2, total: at })));
    }
    if (done === 5 || done === 8) {
      await session.aside(done === 5 ? 'evaluation' : 'checkpoint', async () => {
        evaluation.submit();
        await engine.settle();
        await new Promise((resolve) => setTimeout(resolve, 30));
      });
    }
    await session.after(done);
  }
  await engine.settle();
  captured.release();
  evaluation.release();
  x.dispose();
  return found;
}

test('a session times steps in passes, then dispatch by dispatch, and leaves evaluations out', async () => {
  const [recording, ...more] = await record(12, 3);
  assert.is(more.length, 0);
  assert.equal([recording.plain.from, recording.plain.to], [3, 6]);
  assert.equal([recording.timed.from, recording.timed.to], [6, 9]);
  assert.equal(
    recording.losses.map(({ step }) => step),
    [6, 7, 8],
  );
  const kernels = (lists: readonly Timed[]) =>
    lists.flatMap(({ groups }) => groups.flat().map(({ pipeline }) => pipeline.kernel.name));
  assert.equal(kernels(recording.passes), new Array(3).fill('elementwise.scale'));
  assert.equal(kernels(recording.lists), new Array(3).fill('elementwise.scale'));
  const { plain, timeline } = recording;
  assert.ok(plain.end - plain.start >= 30, 'the evaluation lies in the plain stretch');
  assert.ok(stepMs(plain, timeline) <= (plain.end - plain.start - 29) / 3, 'its time is left out');

  const profile = summarise(recording, peak, 'a card');
  assert.equal(profile.steps, [7, 9]);
  assert.is(profile.dispatches, 1);
  assert.is(profile.kernels[0].count, 3);
  assert.is(profile.kernels[0].bytes, 3 * 4000);
  assert.ok(Math.abs(profile.kernels[0].idealMs! - (3 * 4000) / 10 / 1e6) < 1e-12);
  assert.is(profile.shapes[0].kernel.split(' ')[1], 'count=500');
  assert.ok(profile.hostMs > 0 && profile.hostMs < profile.stepMs);
  assert.ok(
    profile.gpuMs > 0 && profile.gpuMs <= profile.stepMs * 1.01,
    `${profile.gpuMs} of ${profile.stepMs}`,
  );
  const text = profileText(profile);
  assert.match(text, /^a card: at best 100 GFLOP\/s;/);
  assert.match(text, /Kernels, steps 7 to 9 together/);
  assert.match(text, /timestamps come in steps of /);
  assert.match(
    profileText({ ...profile, tickNs: 65536 }),
    /steps of 65\.5 us: trust sums, not single dispatches/,
  );
});

test('the trace holds steps, dispatches inside them, host phases and losses', async () => {
  const [recording] = await record(9, 3);
  const { traceEvents } = traceOf(recording, 'a card');
  const of = (ph: string, tid: number) => traceEvents.filter((event) => event.ph === ph && event.tid === tid);
  assert.equal(
    traceEvents.filter(({ ph }) => ph === 'M').map(({ args }) => args?.name),
    ['npm run train', 'host', 'GPU: a card'],
  );
  const steps = of('X', 2).filter(({ name }) => name.startsWith('step '));
  assert.equal(
    steps.map(({ name }) => name),
    ['step 7', 'step 8', 'step 9'],
  );
  const kernels = of('X', 2).filter(({ name }) => name === 'elementwise.scale');
  assert.is(kernels.length, 3);
  kernels.forEach(({ ts, dur, args }, i) => {
    assert.ok(
      ts! >= steps[i].ts! - 0.01 && ts! + dur! <= steps[i].ts! + steps[i].dur! + 0.01,
      `dispatch ${i}`,
    );
    assert.is(args?.where, 'elementwise.scale in scale');
    assert.equal(JSON.parse(String(args?.dims)).count, 500);
    assert.is(args?.bytes, 4000);
  });
  const submits = of('X', 1).filter(({ name }) => name === 'encode and submit');
  assert.is(submits.length, 3);
  submits.forEach(({ ts }, i) => {
    assert.ok(ts! <= steps[i].ts!, `step ${i} begins after it was submitted`);
  });
  const losses = traceEvents.filter(({ ph, name }) => ph === 'C' && name === 'loss');
  assert.equal(
    losses.map(({ args }) => args?.loss),
    [6, 7, 8],
  );
});

test('a run that is too short for a profile says so; a short one is profiled in part', async () => {
  const options = { engine, timeline: new Timeline(), finish: async () => {} };
  const error = errorOf(ConfigError, () => new ProfileSession({ ...options, steps: 20, from: 10, last: 14 }));
  assert.match(error.message, /--profile: the run does 4 steps, wanted at least 5/);
  const [recording] = await record(8, 20);
  assert.equal([recording.timed.from, recording.timed.to], [5, 7]);
});

test('an adapter without timestamps is refused', async () => {
  const platform = nodePlatform();
  const without = async (): Promise<GPUAdapter | null> => {
    const adapter = await platform.requestAdapter();
    return (
      adapter &&
      new Proxy(adapter, {
        get(target, key) {
          if (key === 'features')
            return new Set([...target.features].filter((name) => name !== 'timestamp-query'));
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      })
    );
  };
  await measurePeakOf({ ...platform, requestAdapter: without }, undefined, '--profile').then(
    () => assert.unreachable(),
    (error: Error) => {
      assert.instance(error, AdapterError);
      assert.match(error.message, /has no timestamp queries \(WebGPU feature timestamp-query\)/);
    },
  );
});

test.run();
