import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fromFloat32ToF16 } from '../../../engine/half.ts';
import { writeFileAtomic } from '../../../engine/host/atomic_file.ts';
import { toFloat32 } from '../../../model/weights/half.ts';
import { resizePositions } from '../../../model/weights/positions.ts';
import { gatherStrided, type TensorData, type TensorDtype } from '../../../model/weights/tensor_file.ts';
import { rejectsWith, withFolder } from './support.ts';

const test = suite('weights tensor');

const allHalves = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
const floats = (dtype: TensorDtype, data: TensorData) => toFloat32({ dtype, shape: [data.length], data });

/** IEEE 754 binary16 by its definition. */
function halfValue(bits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

test('every half-precision value becomes the same float32', () => {
  const values = floats('F16', allHalves);
  for (const bits of allHalves) {
    assert.ok(Object.is(values[bits], halfValue(bits)), `0x${bits.toString(16)} became ${values[bits]}`);
  }
  const payload = new Uint32Array(values.buffer)[0xfc01];
  assert.is(payload, 0xff802000, 'the payload of a NaN');
});

test('every half-precision value survives the way there and back', () => {
  const back = fromFloat32ToF16(floats('F16', allHalves));
  for (const bits of allHalves) {
    const expected = Number.isNaN(halfValue(bits)) ? bits | 0x200 : bits;
    assert.is(back[bits], expected, `0x${bits.toString(16)}`);
  }
});

test('float32 rounds to the nearest half, ties to even', () => {
  const positive = Array.from({ length: 0x7c00 }, (_, bits) => halfValue(bits));
  for (let bits = 0; bits + 1 < positive.length; bits += 7) {
    const [low, high] = [positive[bits]!, positive[bits + 1]!];
    const middle = (low + high) / 2;
    const step = (high - low) / 64;
    const even = bits % 2 === 0 ? bits : bits + 1;
    const samples = Float32Array.of(low + step, middle - step, middle, middle + step, high - step, -middle);
    const wanted = [bits, bits, even, bits + 1, bits + 1, even | 0x8000];
    assert.equal([...fromFloat32ToF16(samples)], wanted, `between ${low} and ${high}`);
  }
  const edges = Float32Array.of(65519.996, 65520, 1e30, 2 ** -25, 2 ** -25 * 1.0001, 1e-40, -0);
  assert.equal([...fromFloat32ToF16(edges)], [0x7bff, 0x7c00, 0x7c00, 0, 1, 0, 0x8000]);
});

test('the other dtypes become float32', () => {
  assert.equal([...floats('BF16', Uint16Array.of(0x3f80, 0xc000, 0x7f80, 1))], [1, -2, Infinity, 2 ** -133]);
  assert.equal([...floats('F64', Float64Array.of(1 / 3, 1e300))], [Math.fround(1 / 3), Infinity]);
  assert.equal([...floats('I64', BigInt64Array.of(-3n, 2n ** 40n))], [-3, 2 ** 40]);
  assert.equal([...floats('U8', Uint8Array.of(0, 255))], [0, 255]);
  const data = Float32Array.of(1);
  assert.is(floats('F32', data), data);
});

test('strided gathering follows the strides', () => {
  const source = Int32Array.from({ length: 24 }, (_, index) => index);
  assert.equal([...gatherStrided(source, 0, [3, 2], [1, 3])], [0, 3, 1, 4, 2, 5]);
  assert.equal([...gatherStrided(source, 7, [2, 2, 2], [8, 3, 1])], [7, 8, 10, 11, 15, 16, 18, 19]);
  assert.equal([...gatherStrided(source, 5, [2, 3], [1, 0])], [5, 5, 5, 6, 6, 6]);
  assert.equal([...gatherStrided(source, 5, [], [])], [5]);
  assert.equal([...gatherStrided(source, 0, [0, 4], [4, 1])], []);
});

test('a position grid is resized as with align_corners=false', () => {
  // Corners 0, 4, 8, 12 in channel 0; constant 5 in channel 1; class row first.
  const table = Float32Array.of(100, 200, 0, 5, 4, 5, 8, 5, 12, 5);
  const up = resizePositions(table, 2, 2, 4);
  assert.equal([...up.subarray(0, 2)], [100, 200]);
  const channel = (values: Float32Array, index: number) =>
    [...values].filter((_, at) => at % 2 === index).slice(1);
  const across = [0, 1, 3, 4];
  assert.equal(
    channel(up, 0),
    across.flatMap((row) => across.map((column) => 2 * row + column)),
  );
  assert.equal(channel(up, 1), Array(16).fill(5));
  // 3 -> 2: sources 0.25 and 1.75.
  const line = Float32Array.from([9, ...[0, 4, 16].flatMap((row) => [row, row + 1, row + 3])]);
  assert.equal([...resizePositions(line, 1, 3, 2)], [9, 1.25, 3.5, 13.25, 15.5]);
  assert.equal([...resizePositions(table, 2, 2, 2)], [...table]);
  assert.equal([...resizePositions(table, 2, 2, 1)], [100, 200, 6, 5]);
});

test('an atomic write replaces the file whole and leaves nothing else behind', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'a.bin');
    await writeFileAtomic(path, 'first');
    await writeFileAtomic(path, [Buffer.from('sec'), new Uint8Array(0), Buffer.from('ond')]);
    assert.is(await readFile(path, 'utf8'), 'second');
    assert.equal(await readdir(folder), ['a.bin']);
  }));

test('an atomic write that fails half-way keeps the old file and removes its own', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'a.bin');
    await writeFile(path, 'old');
    async function* failing() {
      yield Buffer.from('new');
      assert.equal((await readdir(folder)).length, 2, 'the new content goes to a file beside the old one');
      throw new Error('source broke');
    }
    const message = await writeFileAtomic(path, failing()).then(
      () => 'no error',
      (error: Error) => error.message,
    );
    assert.is(message, 'source broke');
    assert.is(await readFile(path, 'utf8'), 'old');
    assert.equal(await readdir(folder), ['a.bin']);
  }));

test('an atomic write that the system refuses names file and cause', () =>
  withFolder(async (folder) => {
    const missing = join(folder, 'none', 'a.bin');
    await rejectsWith(missing, () => writeFileAtomic(missing, 'x'), 'cannot be written', 'ENOENT');
    const taken = join(folder, 'taken');
    await mkdir(taken);
    await writeFile(join(taken, 'child'), '');
    await rejectsWith(taken, () => writeFileAtomic(taken, 'x'), 'is a folder', 'EISDIR');
    assert.equal(await readdir(folder), ['taken']);
    if (process.getuid?.() !== 0) {
      await chmod(taken, 0o500);
      const inside = join(taken, 'a');
      await rejectsWith(inside, () => writeFileAtomic(inside, 'x'), 'permission denied', 'EACCES');
    }
  }));

test.run();
