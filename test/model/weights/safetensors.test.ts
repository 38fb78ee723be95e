import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../../../engine/errors.ts';
import { product } from '../../../engine/shape.ts';
import { readSafetensors, writeSafetensors } from '../../../model/weights/safetensors.ts';
import type { HostTensor, StateDict, TensorDtype } from '../../../model/weights/tensor_file.ts';
import { dtypeBytes, tensorBytes, tensorData } from '../../../model/weights/tensor_file.ts';
import { rejectsWith, withFile, withFolder } from './support.ts';

const test = suite('weights safetensors');

/** The bytes of a file with this header, written as it stands. */
function fileOf(header: unknown, dataBytes: number, declaredLength?: number): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(declaredLength ?? json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes, 1)]);
}

const f32 = (shape: number[], begin: number, end: number, dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test('reads a header written by hand, in file order', () =>
  withFile(
    'a.safetensors',
    fileOf({ __metadata__: { step: '3' }, b: f32([1, 2], 0, 8), a: f32([], 8, 10, 'F16') }, 10),
    async (path) => {
      const { tensors, metadata } = await readSafetensors(path);
      assert.equal(metadata, { step: '3' });
      assert.equal([...tensors.keys()], ['b', 'a']);
      const { shape, data } = tensors.get('b')!;
      assert.equal(shape, [1, 2]);
      assert.equal(data, Float32Array.of(2.3694278276172396e-38, 2.3694278276172396e-38));
      assert.equal(tensors.get('a'), { dtype: 'F16', shape: [], data: Uint16Array.of(0x101) });
      assert.equal([...(await readSafetensors(path, (name) => name === 'a')).tensors.keys()], ['a']);
    },
  ));

const badFiles: [string, Uint8Array, ...string[]][] = [
  ['shorter than its length field', Buffer.from('abc'), 'has 3 bytes', 'at least 8'],
  ['header longer than the file', fileOf('{}', 0, 1000), 'its header has 1000 bytes', 'at most 2 fit'],
  ['header length beyond all bounds', Buffer.alloc(64, 0xff), '18446744073709551615 bytes'],
  ['header no JSON', fileOf('{"a":', 0), 'not JSON'],
  ['header no UTF-8', Buffer.concat([fileOf('', 0, 3), Buffer.from([0x22, 0xff, 0x22])]), 'UTF-8'],
  ['header no object', fileOf([], 0), 'not a JSON object'],
  ['metadata no object', fileOf({ __metadata__: [1] }, 0), '__metadata__ is not an object'],
  ['metadata no text', fileOf({ __metadata__: { a: 1 } }, 0), '__metadata__.a is 1, not a string'],
  ['entry no object', fileOf({ w: 3 }, 0), "tensor 'w'", 'not an object'],
  ['unknown dtype', fileOf({ w: f32([1], 0, 4, 'F99') }, 4), "tensor 'w'", '"F99"', 'known are F64, F32'],
  ['inherited name as dtype', fileOf({ w: f32([1], 0, 4, 'toString') }, 4), "tensor 'w'", '"toString"'],
  ['negative size', fileOf({ w: f32([-1], 0, 4) }, 4), "tensor 'w'", '[-1] is not a list of sizes'],
  ['fractional size', fileOf({ w: f32([1.5], 0, 6) }, 6), "tensor 'w'", '[1.5] is not a list of sizes'],
  ['offsets backwards', fileOf({ w: f32([1], 4, 0) }, 4), "tensor 'w'", '[4,0] are not [begin, end]'],
  ['offsets of three', fileOf({ w: { dtype: 'F32', shape: [0], data_offsets: [0, 0, 0] } }, 0), '[0,0,0]'],
  ['shape against offsets', fileOf({ w: f32([3], 0, 8) }, 8), "'w'", 'shape [3] needs 12 bytes', 'span 8'],
  ['huge shape', fileOf({ w: f32([2 ** 50, 2 ** 50], 0, 8) }, 8), "tensor 'w'", 'needs'],
  ['overlap', fileOf({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), "'b' begins at byte 4, not 8", 'overlaps'],
  ['gap', fileOf({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), "'b' begins at byte 8, not 4", 'gap'],
  ['gap at the start', fileOf({ a: f32([1], 4, 8) }, 8), "'a' begins at byte 4, not 0"],
  ['cut short', fileOf({ a: f32([4], 0, 16) }, 12), 'take 16 bytes, the file has 12'],
  ['bytes left over', fileOf({ a: f32([1], 0, 4) }, 5), 'take 4 bytes, the file has 5'],
];
for (const [what, bytes, ...causes] of badFiles) {
  test(`refuses a file with ${what}`, () =>
    withFile('bad.safetensors', bytes, (path) => rejectsWith(path, () => readSafetensors(path), ...causes)));
}

test('a missing file and a folder are named', () =>
  withFolder(async (folder) => {
    const missing = join(folder, 'none.safetensors');
    await rejectsWith(missing, () => readSafetensors(missing), 'cannot be opened', 'ENOENT');
    await rejectsWith(folder, () => readSafetensors(folder), 'is not a file');
  }));

const dtypes: TensorDtype[] = [
  'F64',
  'F32',
  'F16',
  'BF16',
  'I64',
  'I32',
  'I16',
  'I8',
  'U64',
  'U32',
  'U8',
  'BOOL',
];
const tensorArbitrary = fc
  .record({
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.nat(4), { maxLength: 3 }),
    fill: fc.nat(255),
  })
  .map(({ dtype, shape, fill }) => {
    const bytes = new Uint8Array(product(shape) * dtypeBytes(dtype)).fill(fill);
    return { dtype, shape, data: tensorData(dtype, bytes.buffer) };
  });
const stateArbitrary = fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 8 }), tensorArbitrary), {
  maxLength: 6,
});

test('what is written is read back bit for bit', () =>
  withFolder((folder) =>
    fc.assert(
      fc.asyncProperty(
        stateArbitrary,
        fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
        async (pairs, metadata) => {
          fc.pre(!pairs.some(([name]) => name === '__metadata__') && !Object.hasOwn(metadata, '__proto__'));
          const state: StateDict = new Map(pairs);
          const path = join(folder, 'a.safetensors');
          await writeSafetensors(path, state, metadata);
          const read = await readSafetensors(path);
          assert.equal(read.metadata, metadata);
          assert.equal([...read.tensors.keys()].sort(), [...state.keys()].sort());
          for (const [name, tensor] of state) {
            const found = read.tensors.get(name)!;
            assert.equal([found.dtype, found.shape], [tensor.dtype, tensor.shape]);
            assert.equal(tensorBytes(found), tensorBytes(tensor));
          }
        },
      ),
      { numRuns: 60 },
    ),
  ));

test('the same content gives the same aligned bytes, whatever the order', () =>
  withFolder(async (folder) => {
    const a: HostTensor = { dtype: 'F16', shape: [3], data: Uint16Array.of(1, 2, 3) };
    const b: HostTensor = { dtype: 'F64', shape: [1], data: Float64Array.of(1) };
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    await writeSafetensors(
      one,
      new Map([
        ['10', a],
        ['a', a],
        ['b', b],
      ]),
      { x: '1', a: '2' },
    );
    await writeSafetensors(
      two,
      new Map([
        ['b', b],
        ['a', a],
        ['10', a],
      ]),
      { a: '2', x: '1' },
    );
    const bytes = await readFile(one);
    assert.equal(bytes, await readFile(two));
    assert.is(bytes.readBigUInt64LE(0) % 8n, 0n);
    assert.equal([...(await readSafetensors(one)).tensors.keys()], ['b', '10', 'a']);
    assert.equal((await readdir(folder)).sort(), ['one', 'two']);
  }));

test('a view into a larger buffer is written alone', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'a.safetensors');
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    await writeSafetensors(path, new Map([['a', { dtype: 'F32', shape: [2], data }]]));
    assert.equal((await readSafetensors(path)).tensors.get('a')!.data, Float32Array.of(2, 3));
  }));

test('refuses to write what does not fit', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'a.safetensors');
    const tensor = { dtype: 'F32' as const, shape: [3], data: Float32Array.of(1, 2) };
    await rejectsWith(
      path,
      () => writeSafetensors(path, new Map([['w', tensor]])),
      "tensor 'w'",
      '8 bytes',
      '[3]',
    );
    const reserved = new Map([['__metadata__', { ...tensor, shape: [2] }]]);
    await rejectsWith(path, () => writeSafetensors(path, reserved), "'__metadata__' cannot be written");
    assert.equal(await readdir(folder), []);
  }));

test('a damaged file is refused or read, never anything else', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'a.safetensors');
    const tensor = { dtype: 'F32' as const, shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
    await writeSafetensors(
      path,
      new Map([
        ['weight', tensor],
        ['bias', tensor],
      ]),
      { note: 'fuzz' },
    );
    const whole = await readFile(path);
    const { size } = await stat(path);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(size - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(size),
        fc.boolean(),
        async (changes, length, cut) => {
          const bytes = Uint8Array.from(cut ? whole.subarray(0, length) : whole);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          await withFile('damaged.safetensors', bytes, (damaged) =>
            readSafetensors(damaged).then(
              ({ tensors }) => {
                for (const { shape, data } of tensors.values()) assert.is(data.length, product(shape));
              },
              (error) => assert.instance(error, DataError, String(error)),
            ),
          );
        },
      ),
      { numRuns: 400 },
    );
  }));

test.run();
