import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../../../engine/errors.ts';
import { readPickle } from '../../../model/weights/pickle.ts';
import { torchHost } from '../../../model/weights/torch_pickle.ts';
import { golden, rejectsWith, unzip } from './support.ts';

const test = suite('weights pickle');

const read = (opcodes: string) => readPickle('f.pt', 'data.pkl', Buffer.from(opcodes, 'latin1'), torchHost);

test('reads every kind of constant', () => {
  const constants: [string, unknown][] = [
    ['N', null],
    ['\x88', true],
    ['\x89', false],
    ['K\xff', 255],
    ['M\x01\x02', 513],
    ['J\xff\xff\xff\xff', -1],
    ['\x8a\x00', 0],
    ['\x8a\x02\x00\x80', -32768],
    ['\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01', 2n ** 64n],
    ['\x8b\x01\x00\x00\x00\x07', 7],
    ['G\xbf\xd0\x00\x00\x00\x00\x00\x00', -0.25],
    ['X\x03\x00\x00\x00\xe2\x9c\x93', '✓'],
    ['\x8c\x02\xc3\xa9', 'é'],
    ['U\x01\xe9', 'é'],
    ['C\x02\x00\xff', Uint8Array.of(0, 255)],
    [')', []],
    ['K\x01K\x02\x86', [1, 2]],
    ['(K\x01K\x02K\x03t', [1, 2, 3]],
    ['](K\x01K\x02eK\x03a', [1, 2, 3]],
    [
      '}(K\x01NK\x02\x88u',
      new Map<unknown, unknown>([
        [1, null],
        [2, true],
      ]),
    ],
    ['\x8f(K\x05\x90', new Set([5])],
    ['(K\x05\x91', new Set([5])],
    ['K\x01K\x020', 1],
    ['K\x01(K\x021', 1],
    ['K\x072\x86', [7, 7]],
    ['K\x07q\x030h\x03', 7],
    ['K\x07\x940h\x00', 7],
    ['ccollections\nOrderedDict\n)RX\x01\x00\x00\x00aK\x01s}b', new Map([['a', 1]])],
    ['\x8c\x05torch\x8c\x04Size\x93(K\x02K\x03t\x85R', [2, 3]],
  ];
  for (const [opcodes, expected] of constants) {
    assert.equal(read(`\x80\x04${opcodes}.`), expected, JSON.stringify(opcodes));
  }
});

const pickles: [string, string, string][] = [
  ['an old protocol', '\x80\x01.', 'has pickle protocol 1; known are 2 to 5'],
  ['a text opcode', "\x80\x02S'x'\n.", 'opcode 0x53'],
  ['an empty stack', '\x80\x02.', 'runs out of its stack'],
  ['an unopened group', '\x80\x02t.', 'closes a group that was never opened'],
  ['a memo never stored', '\x80\x02h\x07.', 'recalls memo 7'],
  ['a call of a number', '\x80\x02K\x01)R.', 'not a class or function'],
  [
    'a call of a type',
    '\x80\x02ctorch\nFloatStorage\n)R.',
    "calls 'torch.FloatStorage', which is only a type",
  ],
  ['attributes of a number', '\x80\x02K\x01}b.', 'sets attributes of something that has none'],
  ['an item for a number', '\x80\x02K\x01K\x02a.', 'not a list or set'],
  ['an odd number of items', '\x80\x02}(K\x01u.', 'sets items of no dict'],
  ['text that is not UTF-8', '\x80\x02X\x01\x00\x00\x00\xff.', 'not UTF-8'],
  ['a long text that is not there', '\x80\x02X\xff\xff\xff\x7f.', 'ends too early: 2147483647 bytes wanted'],
  ['a huge integer', '\x80\x02\x8b\x00\x00\x01\x00.', 'an integer of 65536 bytes'],
  ['a negative length', '\x80\x02T\xff\xff\xff\xff.', 'ends too early: -1 bytes'],
  ['a foreign persistent id', '\x80\x02)Q.', 'persistent id other than'],
  ['a persistent id of text', '\x80\x02N\x51.', 'persistent id that is not a tuple'],
  ['a broken tensor', '\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.', 'storage, offset, size and strides'],
  ['a name over the end', '\x80\x02ctorch', 'ends too early'],
];
for (const [what, text, cause] of pickles) {
  test(`refuses a pickle with ${what}`, () => rejectsWith('f.pt', async () => read(text), cause));
}

test('a damaged pickle is refused or read, never anything else', async () => {
  for (const [name, place] of [
    ['state_dict_protocol3.pt', 'archive/data.pkl'],
    ['state_dict_protocol5.pt', 'archive/data.pkl'],
    ['script_module.pt', 'ViT-tiny/data.pkl'],
  ] as const) {
    const whole = (await unzip(golden(name))).get(place)!;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (changes) => {
          const bytes = whole.slice();
          for (const [at, value] of changes) bytes[at] = value;
          try {
            readPickle('f.pt', place, bytes, torchHost);
          } catch (error) {
            assert.instance(error, DataError, String(error));
          }
        },
      ),
      { numRuns: 1000 },
    );
  }
});

test.run();
