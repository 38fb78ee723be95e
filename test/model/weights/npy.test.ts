import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../../../engine/errors.ts';
import { product } from '../../../engine/shape.ts';
import { toFloat32 } from '../../../model/weights/half.ts';
import { readNpy } from '../../../model/weights/npy.ts';
import { readTextEmbeddings } from '../../../model/weights/text_embeddings.ts';
import { writeNpy } from './npy_writer.ts';
import { golden, rejectsWith, withFile } from './support.ts';

const test = suite('weights npy');
const folder = mkdtempSync(join(tmpdir(), 'npy-'));
test.after(() => rmSync(folder, { recursive: true }));

/** The (2, 3, 4) array in the fixtures, saved by NumPy: arange(24) / 4 - 1. */
const ramp = Array.from({ length: 24 }, (_, index) => index / 4 - 1);

for (const [name, dtype] of [
  ['f4_c.npy', 'F32'],
  ['f4_fortran.npy', 'F32'],
  ['f2_v2.npy', 'F16'],
  ['f8_v3.npy', 'F64'],
] as const) {
  test(`reads NumPy's ${name}`, async () => {
    const tensor = await readNpy(golden(name));
    assert.equal([tensor.dtype, tensor.shape], [dtype, [2, 3, 4]]);
    assert.equal([...toFloat32(tensor)], ramp);
  });
}

test("reads NumPy's integers, booleans, scalars and empty arrays", async () => {
  assert.equal(await readNpy(golden('i8.npy')), {
    dtype: 'I64',
    shape: [2],
    data: BigInt64Array.of(-1n, 2n ** 40n),
  });
  assert.equal(await readNpy(golden('i4.npy')), { dtype: 'I32', shape: [1, 2], data: Int32Array.of(7, -7) });
  assert.equal(await readNpy(golden('u1.npy')), { dtype: 'U8', shape: [2], data: Uint8Array.of(0, 255) });
  assert.equal(await readNpy(golden('bool.npy')), { dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) });
  assert.equal(await readNpy(golden('scalar.npy')), { dtype: 'F32', shape: [], data: Float32Array.of(2.5) });
  assert.equal(await readNpy(golden('empty.npy')), { dtype: 'F32', shape: [0, 3], data: new Float32Array() });
});

test('the tests write the bytes that NumPy writes', async () => {
  for (const name of ['f4_c.npy', 'scalar.npy', 'empty.npy', 'i4.npy']) {
    const path = join(folder, name);
    writeNpy(path, await readNpy(golden(name)));
    assert.equal(readFileSync(path), readFileSync(golden(name)), name);
  }
});

test('refuses other kinds of arrays and names the cause', async () => {
  const cases = {
    'big_endian.npy': 'big-endian',
    'structured.npy': 'plain number',
    'complex.npy': 'plain number',
  };
  for (const [name, cause] of Object.entries(cases)) {
    await rejectsWith(golden(name), () => readNpy(golden(name)), cause);
  }
});

const whole = readFileSync(golden('f4_c.npy'));
const edited = (from: string, to: string) =>
  Buffer.from(whole.toString('latin1').replace(from, to), 'latin1');
for (const [what, bytes, cause] of [
  ['no magic', Buffer.from('hello, this is no array'), 'does not begin with \\x93NUMPY'],
  ['nothing in it', Buffer.alloc(0), 'does not begin with'],
  [
    'an unknown version',
    Buffer.concat([whole.subarray(0, 6), Buffer.from([9, 0]), whole.subarray(8)]),
    '9.0',
  ],
  ['a cut header', whole.subarray(0, 60), 'ends inside its header: 60 of 128 bytes'],
  ['cut data', whole.subarray(0, 200), 'has 72 bytes of data; shape (2,3,4) of F32 needs 96'],
  ['bytes left over', Buffer.concat([whole, Buffer.alloc(1)]), 'has 97 bytes of data'],
  ['a broken shape', edited('(2, 3, 4)', '(2, x, 4)'), 'no readable descr'],
  ['no dtype', edited("'descr'", "'decsr'"), 'no readable descr'],
] as const) {
  test(`refuses a file with ${what}`, () =>
    withFile('bad.npy', bytes, (path) => rejectsWith(path, () => readNpy(path), cause)));
}

test('a damaged file is refused or read, never anything else', async () => {
  const header = whole.indexOf('\n') + 1;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(header), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      async (changes) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        await withFile('damaged.npy', bytes, (path) =>
          readNpy(path).then(
            ({ shape, data }) => assert.is(data.length, product(shape)),
            (error) => assert.instance(error, DataError, String(error)),
          ),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('text embeddings are float32, one row per class', async () => {
  const path = join(folder, 'voc.npy');
  const data = Uint16Array.of(0x3c00, 0, 0x3800, 0xb800, 0, 0x4000);
  writeNpy(path, { dtype: 'F16', shape: [3, 2], data });
  const read = await readTextEmbeddings(path, { classes: 3, width: 2 });
  assert.equal(read, { dtype: 'F32', shape: [3, 2], data: Float32Array.of(1, 0, 0.5, -0.5, 0, 2) });
  await rejectsWith(path, () => readTextEmbeddings(path, { classes: 20, width: 2 }), '[3,2], wanted [20,2]');
  await rejectsWith(
    path,
    () => readTextEmbeddings(path, { classes: 3, width: 512 }),
    '[3,2], wanted [3,512]',
  );
});

test('text embeddings that cannot be right are refused', async () => {
  const path = join(folder, 'bad.npy');
  writeNpy(path, { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 0, 0) });
  await rejectsWith(path, () => readTextEmbeddings(path, { classes: 2, width: 2 }), 'row 1 has length 0');
  writeNpy(path, { dtype: 'F32', shape: [2, 2], data: Float32Array.of(Number.NaN, 2, 0, 1) });
  await rejectsWith(path, () => readTextEmbeddings(path, { classes: 2, width: 2 }), 'row 0 has length NaN');
  writeNpy(path, { dtype: 'I32', shape: [1, 2], data: Int32Array.of(1, 2) });
  await rejectsWith(path, () => readTextEmbeddings(path, { classes: 1, width: 2 }), 'I32');
});

test.run();
