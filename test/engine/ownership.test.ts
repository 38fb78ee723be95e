import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { GpuError, ShapeError } from '../../engine/errors.ts';
import { valueAndGrad } from '../../engine/grad.ts';
import { add, cast, scale, sumAll } from '../../engine/ops/index.ts';
import { part } from '../../engine/ranges.ts';
import { openEngine } from '../support/device.ts';
import { errorOf } from '../support/error_of.ts';

const test = suite('ownership');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

const live = (): number => engine.stats().live;

test('a captured list cannot be submitted once its buffers are lent to others', async () => {
  const x = engine.tensor([1, 2], [2]);
  const captured = engine.capture(() => {
    scale({ x, factor: 2 });
  });
  captured.submit();
  captured.release();
  const other = engine.tensor([5, 6], [2]);
  assert.match(errorOf(GpuError, () => captured.submit()).message, 'submitted after its release');
  assert.equal([...(await other.read())], [5, 6]);
});

test('what is fetched and belongs to somebody else stays theirs', async () => {
  const weight = engine.parameter('w', Float32Array.of(1, 2), [2], false);
  const before = live();
  const { w, y } = await engine.fetch(() => ({ w: weight, y: scale({ x: weight, factor: 3 }) }));
  assert.equal(
    [[...w], [...y]],
    [
      [1, 2],
      [3, 6],
    ],
  );
  assert.is(live(), before);
  assert.equal([...(await weight.read())], [1, 2]);
});

test('values that do not fit their shape take no memory', () => {
  const before = live();
  const { message } = errorOf(ShapeError, () => engine.tensor([1, 2, 3], [2, 2]));
  assert.match(message, /tensor: 3 values for shape \(2, 2\)/);
  assert.is(live(), before);
});

test('a write that would spill over into the neighbour of a part is refused', async () => {
  if (!engine.gpu.device.facts.f16) return;
  const whole = engine.empty([6], 'f16');
  whole.write(Float32Array.of(0, 1, 2, 3, 4, 5));
  const first = part(engine, whole, 0, [3]);
  assert.match(
    errorOf(ShapeError, () => first.write(Float32Array.of(9, 9, 9))).message,
    'of 4 bytes at least',
  );
  assert.equal([...(await whole.read())], [0, 1, 2, 3, 4, 5]);
});

test('a buffer that the device cannot make is named and never lent again', async () => {
  const { gpu } = engine.gpu.device;
  const real = gpu.createBuffer.bind(gpu);
  const SIZE = [3000];
  const { reserved } = engine.stats();
  gpu.createBuffer = (descriptor) => {
    // a mapping that storage buffers cannot have: made, but invalid
    gpu.createBuffer = real;
    return real({ ...descriptor, usage: descriptor.usage | GPUBufferUsage.MAP_READ });
  };
  engine.scope(() => void engine.empty(SIZE));
  const error = await engine.settle().then(
    () => null,
    (found: Error) => found,
  );
  assert.match(error?.message ?? 'no error', /tensor \(3000\), \d+ bytes: /);
  assert.is(engine.stats().reserved, reserved);
  const x = engine.tensor(new Float32Array(3000).fill(2), SIZE);
  assert.is((await x.read())[2999], 2);
});

test('the gradient of a single element added to f16 is its sum', async () => {
  if (!engine.gpu.device.facts.f16) return;
  const b = engine.parameter('b', Float32Array.of(1), [1], true);
  const x = engine.tensor(new Float32Array(5).fill(2), [5]);
  const half = cast({ x, dtype: 'f16' });
  const { grads } = valueAndGrad(engine, [b], () =>
    sumAll({ x: cast({ x: add({ a: half, b: cast({ x: b, dtype: 'f16' }) }), dtype: 'f32' }) }),
  );
  assert.equal([...(await grads.get(b)!.read())], [5]);
});

test.run();
