import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../../../engine/errors.ts';
import { toFloat32 } from '../../../model/weights/half.ts';
import { checkStateDict, readStateDict } from '../../../model/weights/state_dict.ts';
import type { StateDict } from '../../../model/weights/tensor_file.ts';
import { readTorchFile } from '../../../model/weights/torch_file.ts';
import { golden, type Members, rejectsWith, unzip, withFile, zip } from './support.ts';

const test = suite('weights torch');
/** A fixture with some members replaced. */
async function edited(name: string, edit: (members: Members) => void): Promise<Uint8Array> {
  const members = await unzip(golden(name));
  edit(members);
  return zip(members);
}

const numbers = (state: StateDict, name: string) => [...toFloat32(state.get(name)!)];

for (const protocol of [2, 3, 4, 5]) {
  test(`reads a state dict of pickle protocol ${protocol}`, async () => {
    const state = await readTorchFile(golden(`state_dict_protocol${protocol}.pt`));
    assert.equal(
      [...state].map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape}]`),
      [
        'linear.weight F32 [2,3]',
        'linear.transposed F32 [3,2]',
        'linear.slice F32 [2,2,2]',
        'linear.repeated F32 [3,2]',
        'whole F32 [4,6]',
        'half F16 [10]',
        'bfloat BF16 [5]',
        'double F64 [2,1]',
        'long I64 [2]',
        'int I32 [2]',
        'short I16 [1]',
        'char I8 [1]',
        'byte U8 [1]',
        'bool BOOL [3]',
        'scalar F32 []',
        'empty F32 [0,3]',
      ],
    );
    // All views of one storage that holds 0, 0.5, 1, ...
    assert.equal(numbers(state, 'linear.weight'), [0, 0.5, 1, 1.5, 2, 2.5]);
    assert.equal(numbers(state, 'linear.transposed'), [0, 1.5, 0.5, 2, 1, 2.5]);
    assert.equal(numbers(state, 'linear.slice'), [3.5, 4, 5, 5.5, 7.5, 8, 9, 9.5]);
    assert.equal(numbers(state, 'linear.repeated'), [2.5, 3, 2.5, 3, 2.5, 3]);
    assert.equal(
      numbers(state, 'whole'),
      Array.from({ length: 24 }, (_, index) => index / 2),
    );
    assert.equal(numbers(state, 'half'), [
      0,
      -0,
      1,
      65504,
      2 ** -24,
      2 ** -14,
      Infinity,
      -Infinity,
      NaN,
      0.0999755859375,
    ]);
    assert.equal(numbers(state, 'bfloat'), [1, -1, 3.140625, Infinity, 2 ** -133]);
    assert.equal(state.get('double')!.data, Float64Array.of(1 / 3, -1e300));
    assert.equal(state.get('long')!.data, BigInt64Array.of(-1n, 2n ** 40n));
    assert.equal(state.get('int')!.data, Int32Array.of(-7, 2 ** 31 - 1));
    assert.equal(
      ['short', 'char', 'byte', 'bool'].map((name) => numbers(state, name)),
      [[-300], [-5], [250], [1, 0, 1]],
    );
    assert.equal(numbers(state, 'scalar'), [Math.fround(4.6052)]);
  });
}

for (const name of ['script_module.pt', 'script_module_deflated.pt']) {
  test(`flattens the modules of a TorchScript archive (${name})`, async () => {
    const state = await readTorchFile(golden(name));
    const blocks = [0, 1].flatMap((block) =>
      ['ln_1.weight', 'ln_1.bias', 'ln_2.weight', 'ln_2.bias'].map(
        (member) => `visual.transformer.resblocks.${block}.${member}`,
      ),
    );
    const names = [
      'logit_scale',
      'input_resolution',
      'visual.class_embedding',
      'visual.conv1.weight',
      ...blocks,
    ];
    assert.equal([...state.keys()], names);
    assert.equal(state.get('visual.conv1.weight')!.shape, [4, 3, 2, 2]);
    assert.equal(
      numbers(state, 'visual.conv1.weight'),
      Array.from({ length: 48 }, (_, index) => index / 4),
    );
    assert.equal(numbers(state, 'visual.transformer.resblocks.1.ln_2.weight'), [3, 3.125, 3.25, 3.375]);
    assert.equal(state.get('input_resolution')!.data, BigInt64Array.of(224n));
  });
}

test('loads only what is wanted', async () => {
  const state = await readStateDict(golden('script_module.pt'), (name) => name.endsWith('embedding'));
  assert.equal([...state.keys()], ['visual.class_embedding']);
});

test('refuses a name outside the allow-list and says which', async () => {
  const path = golden('refused_global.pt');
  await rejectsWith(
    path,
    () => readTorchFile(path),
    "archive/data.pkl refers to 'posix.system'",
    'is refused',
  );
});

test('tells how to convert the format from before 1.6', async () => {
  const path = golden('legacy.pt');
  await rejectsWith(path, () => readTorchFile(path), 'from before version 1.6');
  await readTorchFile(path).catch(({ hint }) => assert.match(hint, 'torch.save(torch.load('));
});

const script = 'script_module.pt';
const dict = 'state_dict_protocol3.pt';
const replace = (members: Members, name: string, from: string, to: string) => {
  const text = Buffer.from(members.get(name)!).toString('latin1');
  assert.ok(text.includes(from), `'${from}' is in ${name}`);
  members.set(name, Uint8Array.from(Buffer.from(text.replace(from, to), 'latin1')));
};
const badArchives: [string, () => Promise<Uint8Array>, ...string[]][] = [
  ['text instead of a ZIP', async () => Buffer.from('not a checkpoint'), 'does not begin like a ZIP'],
  ['nothing', async () => new Uint8Array(), 'does not begin like a ZIP'],
  [
    'half of the file',
    async () => readFileSync(golden(dict)).subarray(0, 2000),
    'cannot be read as an archive',
  ],
  [
    'no pickle',
    () => edited(dict, (members) => members.delete('archive/data.pkl')),
    '0 files named data.pkl',
  ],
  [
    'two pickles',
    () => edited(dict, (members) => members.set('b/data.pkl', new Uint8Array(1))),
    '2 files named',
  ],
  [
    'a storage missing',
    () => edited(dict, (members) => members.delete('archive/data/0')),
    "lacks 'archive/data/0'",
  ],
  [
    'a storage cut short',
    () => edited(dict, (members) => members.set('archive/data/0', new Uint8Array(95))),
    "storage '0' has 95 bytes; 24 x F32 need 96",
  ],
  [
    'big-endian storages',
    () => edited(dict, (members) => members.set('archive/byteorder', Uint8Array.from(Buffer.from('big')))),
    "byte order 'big'",
  ],
  [
    'the pickle cut short',
    () =>
      edited(script, (members) =>
        members.set('ViT-tiny/data.pkl', members.get('ViT-tiny/data.pkl')!.slice(0, 300)),
      ),
    'ViT-tiny/data.pkl ends too early',
    'at byte',
  ],
  [
    'a storage type that no tensor has',
    () => edited(dict, (members) => replace(members, 'archive/data.pkl', 'HalfStorage', 'QuarterStorage')),
    "refers to 'torch.QuarterStorage'",
  ],
  [
    'no tensors',
    () => edited(dict, (members) => members.set('archive/data.pkl', pickleOf('}.'))),
    'holds no tensors',
  ],
  [
    'a dict that contains itself',
    () =>
      edited(dict, (members) => members.set('archive/data.pkl', pickleOf('}q\x00X\x01\x00\x00\x00ah\x00s.'))),
    "'a' contains itself",
  ],
];
function pickleOf(opcodes: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(`\x80\x02${opcodes}`, 'latin1'));
}
for (const [what, make, ...causes] of badArchives) {
  test(`refuses an archive with ${what}`, async () =>
    withFile('bad.pt', await make(), (path) => rejectsWith(path, () => readTorchFile(path), ...causes)));
}

test('refuses tensors that reach beyond their storage', async () => {
  // linear.slice: offset 7, size (2, 2, 2), strides (8, 3, 1): BININT1 operands in the pickle.
  const [from, to] = ['K\x07K\x02K\x02K\x02', 'K\x0dK\x02K\x02K\x02'];
  const bytes = await edited(dict, (members) => replace(members, 'archive/data.pkl', from, to));
  await withFile('bad.pt', bytes, (path) =>
    rejectsWith(path, () => readTorchFile(path), "tensor 'linear.slice'", 'offset 13 do not fit 24 elements'),
  );
});

test('a flipped bit in a storage is found', async () => {
  const bytes = readFileSync(golden(dict));
  const storage = (await unzip(golden(dict))).get('archive/data/0')!;
  bytes[bytes.indexOf(storage) + 40]! ^= 4;
  await withFile('bad.pt', bytes, (path) =>
    rejectsWith(path, () => readTorchFile(path), "'archive/data/0' inside cannot be read"),
  );
});

test('a pickle nested without end is refused', async () => {
  const deep = pickleOf(`${'}X\x01\x00\x00\x00a'.repeat(5000)}}${'s'.repeat(5000)}.`);
  const bytes = await edited(dict, (members) => members.set('archive/data.pkl', deep));
  await withFile('bad.pt', bytes, (path) => rejectsWith(path, () => readTorchFile(path), 'too many parts'));
});

const changesIn = (size: number) =>
  fc.array(fc.tuple(fc.nat(size - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });

test('a damaged archive is refused or gives the right tensors, never wrong ones', async () => {
  for (const name of [dict, script, 'script_module_deflated.pt']) {
    const whole = Uint8Array.from(readFileSync(golden(name)));
    const expected = await readTorchFile(golden(name));
    await fc.assert(
      fc.asyncProperty(changesIn(whole.length), async (changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        await withFile('damaged.pt', bytes, async (path) => {
          const state = await readTorchFile(path).catch((error) => {
            assert.instance(error, DataError, String(error));
          });
          if (state !== undefined) assert.equal(state, expected);
        });
      }),
      { numRuns: 60 },
    );
  }
});

test('an unknown extension is named', () =>
  rejectsWith('weights.onnx', () => readStateDict('weights.onnx'), "its extension is '.onnx'"));

test('missing, unexpected and mis-shaped tensors are listed', async () => {
  const shapes = (entries: Record<string, number[]>) => new Map(Object.entries(entries));
  const found = new Map(
    Object.entries({ 'ln.weigth': [4], bias: [3], same: [1, 2] }).map(([name, shape]) => [name, { shape }]),
  );
  checkStateDict('f.pt', found, shapes({ same: [1, 2], bias: [3], 'ln.weigth': [4] }));
  await rejectsWith(
    'f.pt',
    async () => checkStateDict('f.pt', found, shapes({ same: [2, 1], bias: [3], 'ln.weight': [4] })),
    "1 missing: 'ln.weight' [4] (nearest unexpected name: 'ln.weigth')",
    "1 unexpected: 'ln.weigth' [4]",
    "1 of the wrong shape: 'same' is [1,2], wanted [2,1]",
  );
  const many = shapes(Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`w${index}`, [1]])));
  await rejectsWith('f.pt', async () => checkStateDict('f.pt', new Map(), many), '9 missing', 'and 3 more');
});

test.run();
