import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { globals } from 'webgpu';
import type { Engine } from '../../engine/engine.ts';
import { DeviceLostError, GpuError, OutOfMemoryError } from '../../engine/errors.ts';
import { type Command, submits } from '../../engine/gpu/commands.ts';
import { fileText } from '../../engine/gpu/file_text.ts';
import { worstError } from '../../engine/gpu/run.ts';
import { rounds } from '../../engine/ops/attend.ts';
import { add, matmul, selfAttention } from '../../engine/ops/index.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { TILE } from '../../kernels/attention/reference.ts';
import { scale } from '../../kernels/elementwise/scale.ts';
import { type AnyKernel, tilesOf } from '../../kernels/kernel.ts';
import { columnSums } from '../../kernels/reduce/columns.ts';
import { withSettings } from '../../train/commands/run_command.ts';
import { evaluate, values } from '../engine/gradients/vjp.ts';
import { openEngine, openGpu } from '../support/device.ts';
import { errorOf, rejectionOf } from '../support/error_of.ts';

/** What real GPUs and other systems do and software adapters on Linux do not. */
const test = suite('hardware');

const work = (flops: number) => ({ kind: 'dispatch', flops }) as Command;
const copy = { kind: 'copy' } as Command;

test('a list is cut into submits of bounded work, in order and whole', () => {
  const cut = (list: readonly Command[]) =>
    [...submits(list, 10)].map((part) => part.map((c) => list.indexOf(c)));
  const list = [work(4), copy, work(6), work(1), work(25), { ...copy }, work(2), work(8)];
  assert.equal(cut(list), [[0, 1, 2], [3], [4, 5], [6, 7]]);
  assert.equal(cut([]), []);
  assert.equal(cut([work(99)]), [[0]]);
});

test('a lost device says so every time', async () => {
  const engine = await openEngine();
  const x = engine.tensor([1, 2], [2]);
  engine.gpu.device.gpu.destroy();
  await engine.gpu.device.gpu.lost;
  for (let i = 0; i < 2; i++) {
    const error = await rejectionOf(DeviceLostError, () => engine.settle());
    assert.match(error.message, /^the GPU device was lost \(destroyed\)/);
    assert.match(
      (withSettings(error) as DeviceLostError).hint,
      /was reset .*--resume.* engine\.checkpointing/,
    );
  }
  await rejectionOf(DeviceLostError, () => x.read());
  await rejectionOf(DeviceLostError, async () => engine.flush());
  await rejectionOf(DeviceLostError, () => engine.close());
});

test('more than the adapter binds is the user’s to mend', async () => {
  const engine = await openEngine();
  try {
    const { maxBindingBytes } = engine.gpu.device;
    const error = await rejectionOf(OutOfMemoryError, async () => engine.zeros([maxBindingBytes]));
    assert.match(error.message, `needs ${4 * maxBindingBytes} bytes`);
    const told = withSettings(error) as OutOfMemoryError;
    assert.is(told.message, error.message);
    assert.match(told.hint, /engine\.checkpointing/);
  } finally {
    await engine.close();
  }
});

test('memory that runs out on the device is told as such', async () => {
  const { device } = await openGpu();
  try {
    const { GPUOutOfMemoryError, GPUUncapturedErrorEvent } = globals as typeof globalThis;
    const error = new GPUOutOfMemoryError('no room for pool 7');
    device.gpu.dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error }));
    const told = errorOf(OutOfMemoryError, () => device.raise());
    assert.is(told.message, 'out of GPU memory: no room for pool 7');
    device.raise();
  } finally {
    device.destroy();
  }
});

test('a launch that no device takes names kernel and place', async () => {
  const gpu = await openGpu();
  try {
    const dims = { count: 4, factor: 2 };
    const pipeline = gpu.pipelines.get(scale, gpu.tiles.defaultOf(scale, dims), dims, 'f32');
    const memory = gpu.pool.take(256, 'test');
    const where = 'elementwise.scale in scale at visual.conv1';
    const launch = (offset: number, groups: number) =>
      gpu.recorder.dispatch(pipeline, [memory, { ...memory, offset }], dims, [groups, 1, 1], where);
    assert.throws(
      () => launch(0, 65536),
      /^elementwise\.scale in scale at visual\.conv1: 65536 x 1 x 1 workgroups, at most 65535/,
    );
    launch(512, 1);
    gpu.recorder.take();
    const error = await rejectionOf(GpuError, () => gpu.device.settle());
    assert.match(error.message, where);
  } finally {
    await gpu.close();
  }
});

/** Runs `body` as on a device that binds `bytes` at most. */
async function binding<T>(engine: Engine, bytes: number, body: () => Promise<T>): Promise<T> {
  const { device } = engine.gpu;
  const { maxBindingBytes } = device;
  device.maxBindingBytes = bytes;
  try {
    return await body();
  } finally {
    device.maxBindingBytes = maxBindingBytes;
  }
}

test('buffers end with whole vec4s, whatever the adapter binds', async () => {
  const engine = await openEngine();
  try {
    await binding(engine, 1000, async () => {
      const capacity = engine.scope(() => engine.zeros([190]).storage.memory.capacity);
      assert.is(capacity, 768);
      const error = await rejectionOf(OutOfMemoryError, async () => engine.zeros([200]));
      assert.match(error.message, / needs 800 bytes; .* binds 768 at most/);
    });
  } finally {
    await engine.close();
  }
});

for (const [name, bytes, inputs, op, shape] of [
  [
    // a head's scores are 7.3 MiB
    'attention of 800 tokens',
    4 * 2 ** 20,
    { qkv: values([1, 800, 36], 1) },
    ({ qkv }: Record<string, Tensor>) => selfAttention({ qkv, heads: 3 }),
    [1, 800, 12],
  ],
  [
    // panels are padded to 17 x 32 rows of 516 columns
    'a product as large as the operands that can be bound',
    4 * 514 ** 2,
    { a: values([513, 513], 1), b: values([513, 513], 2) },
    ({ a, b }: Record<string, Tensor>) => matmul({ a, b }),
    [513, 513],
  ],
] as const) {
  test(`${name} needs no larger bindings`, async () => {
    const engine = await openEngine();
    try {
      const dy = values(shape, 3).values;
      const run = () => evaluate(engine, { ...inputs }, op, dy);
      const wanted = await run();
      const found = await binding(engine, bytes, run);
      assert.ok(worstError(found.y, wanted.y) < 2e-6, `${worstError(found.y, wanted.y)}`);
      for (const [input, gradient] of Object.entries(wanted.gradients)) {
        const error = worstError(found.gradients[input], gradient);
        assert.ok(error < 2e-6, `${input}: ${error}`);
      }
    } finally {
      await engine.close();
    }
  });
}

test('buffers of sizes that are used no more go back to the system', async () => {
  const engine = await openEngine();
  try {
    const kept = engine.tensor([1, 2, 3, 4], [4]);
    for (let size = 1; size <= 16; size++) {
      engine.scope(() => {
        const x = engine.zeros([size * 4096]);
        add({ a: x, b: x });
      });
      await engine.settle();
      engine.trim();
      const { reserved, live, peak } = engine.stats();
      assert.ok(reserved <= live + 2 * peak, `${reserved} bytes at size ${size}`);
    }
    // what was trimmed is made again, and no bind group of it is kept
    const sum = await engine.scope(() => add({ a: kept, b: kept })).read();
    assert.equal([...sum], [2, 4, 6, 8]);
    const { groups } = engine.gpu.recorder;
    assert.ok(groups < 16, `${groups} bind groups are kept`);
  } finally {
    await engine.close();
  }
});

test('sums of more columns than a grid is wide fold it', () => {
  const kernel: AnyKernel = columnSums;
  for (const variant of kernel.variants) {
    const grid = variant.grid({ rows: 2, cols: 128 * 2 ** 17 }, tilesOf(variant)[0]);
    assert.ok(Math.max(...grid) <= 65535, grid.join(' x '));
  }
});

test('attention rounds cover every head and key tile once, within the tiles there is room for', () => {
  const cases = [
    [48, 33, 33, Math.floor((256 * 2 ** 20) / (12 * TILE * TILE))],
    [12, 33, 33, Math.floor((16 * 2 ** 20) / (12 * TILE * TILE))],
    [5, 70, 70, 1000],
    [3, 7, 9, 1],
  ];
  for (const [heads, queryTiles, keyTiles, room] of cases) {
    const seen = new Map<string, number>();
    for (const round of rounds(heads, queryTiles, keyTiles, room)) {
      const tiles = round.countHeads * round.keyTiles * queryTiles;
      assert.ok(tiles <= Math.max(room, queryTiles), `${tiles} tiles in room for ${room}`);
      for (let h = 0; h < round.countHeads; h++) {
        for (let k = 0; k < round.keyTiles; k++) {
          const key = `${round.firstHead + h} ${round.firstKeyTile + k}`;
          seen.set(key, (seen.get(key) ?? 0) + 1);
        }
      }
    }
    assert.is(seen.size, heads * keyTiles);
    assert.ok([...seen.values()].every((count) => count === 1));
  }
});

test('a file of a drive is named as its system does', () => {
  assert.is(fileText(new URL('file:///C:/My%20code/a.wgsl')), 'C:/My code/a.wgsl');
  assert.is(fileText(new URL('file:///home/a/b%20c.wgsl')), '/home/a/b c.wgsl');
});

test.run();
