import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { embedding, gatherRows, patchUnfold, reshape, transposeLast } from '../../../engine/ops/index.ts';
import type { Shape } from '../../../engine/shape.ts';
import type { Tensor } from '../../../engine/tensor.ts';
import { patchUnfold as patchUnfoldKernel } from '../../../kernels/patch/patch.ts';
import { openEngine } from '../../support/device.ts';
import { checkOp, values } from './vjp.ts';

const test = suite('layout gradients');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

test('reshape keeps the values', () =>
  checkOp(
    engine,
    { x: values([3, 4, 5], 8) },
    (t) => reshape({ x: t.x, shape: [6, 10] }),
    ({ x }) => x,
    0,
  ));

test('reshape wants as many elements', () => {
  const x = engine.zeros([2, 3]);
  assert.throws(() => reshape({ x, shape: [7] }), /reshape in reshape: \(2, 3\) to \(7\)/);
  x.dispose();
});

for (const shape of [
  [2, 8, 12],
  [3, 7, 5],
  [4, 3],
]) {
  const [rows, cols] = shape.slice(-2);
  test(`transposeLast ${shape.join(' x ')}`, () =>
    checkOp(
      engine,
      { x: values(shape, 9) },
      (t) => transposeLast({ x: t.x }),
      ({ x }) =>
        x.map((_, i) => {
          const [b, c, r] = [Math.floor(i / (rows * cols)), Math.floor(i / rows) % cols, i % rows];
          return x[(b * rows + r) * cols + c];
        }),
      0,
    ));
}

const integers = (list: readonly number[], shape: Shape): Tensor =>
  engine.tensor(Uint32Array.from(list), shape);

for (const width of [8, 5]) {
  const ids = [3, 0, 3, 6, 0, 0, 3, 2, 0, 6, 5, 3];
  test(`embedding of width ${width}, repeated ids add up`, () =>
    checkOp(
      engine,
      { table: values([7, width], 10) },
      (t) => embedding({ table: t.table, ids: integers(ids, [3, 4]) }),
      ({ table }) => ids.flatMap((id) => Array.from(table.subarray(id * width, (id + 1) * width))),
      1e-7,
    ));
  const index = [2, 0, 3];
  test(`gatherRows of width ${width}`, () =>
    checkOp(
      engine,
      { x: values([3, 4, width], 11) },
      (t) => gatherRows({ x: t.x, index: integers(index, [3]) }),
      ({ x }) =>
        index.flatMap((n, b) => Array.from(x.subarray((b * 4 + n) * width, (b * 4 + n + 1) * width))),
      0,
    ));
}

test('embedding and gatherRows want indices of u32', () => {
  const table = engine.zeros([4, 3]);
  const x = engine.zeros([2, 4, 3]);
  const index = engine.zeros([2]);
  const signed = engine.zeros([2], 'i32');
  assert.throws(() => gatherRows({ x, index: signed }), /index holds i32, wanted u32/);
  assert.throws(
    () => embedding({ table, ids: index }),
    /gather.rows in embedding: index holds f32, wanted u32/,
  );
  assert.throws(() => gatherRows({ x, index }), /gather.rows in gatherRows: index holds f32, wanted u32/);
  for (const tensor of [table, x, index, signed]) tensor.dispose();
});

for (const [shape, patch] of [
  [[2, 3, 8, 12], 4],
  [[1, 3, 11, 14], 4],
  [[2, 1, 7, 9], 3],
] as const) {
  const [images, channels, height, width] = shape;
  const dims = { images, channels, height, width, side: patch };
  test(`patchUnfold ${shape.join(' x ')}, patch ${patch}`, () =>
    checkOp(
      engine,
      { image: values(shape, 12) },
      (t) => patchUnfold({ image: t.image, patch }),
      (host) => patchUnfoldKernel.reference(dims, host).y,
      0,
    ));
}

test('patchUnfold wants at least one patch', () => {
  const image = engine.zeros([1, 3, 8, 20]);
  assert.throws(
    () => patchUnfold({ image, patch: 16 }),
    /image \(1, 3, 8, 20\) holds no patch of 16 x 16 pixels/,
  );
  image.dispose();
});

test.run();
