import { PickleBytes } from './pickle_bytes.ts';
import { PickleMachine } from './pickle_machine.ts';
import type { PickleHost, PickleValue } from './pickle_values.ts';

/** More than any weights file takes. */
const MOST_STEPS = 50_000_000;

/**
 * Reads a Python pickle of protocol 2 to 5 without running any of it: classes and functions come from the
 * host's allow-list, and a name outside it is refused.
 *
 * @param place Named in errors as the place inside the file, such as `archive/data.pkl`.
 * @throws {DataError} For a refused name, an opcode that is not supported, or a damaged pickle.
 */
export function readPickle(path: string, place: string, data: Uint8Array, host: PickleHost): PickleValue {
  const bytes = new PickleBytes(path, place, data);
  const machine = new PickleMachine(bytes, host);
  for (let step = 0; step < MOST_STEPS; step++) {
    const code = String.fromCharCode(bytes.u8());
    if (code === STOP) return machine.pop();
    const action = opcodes[code];
    if (action === undefined) {
      throw bytes.fail(`has the opcode 0x${code.charCodeAt(0).toString(16)}, which is not supported`);
    }
    action(machine, bytes);
  }
  throw bytes.fail(`takes more than ${MOST_STEPS} steps`);
}

const STOP = '.';

/**
 * What each opcode does. Their names, in the order below, are those of
 * https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
const opcodes: Readonly<Record<string, (machine: PickleMachine, bytes: PickleBytes) => void>> = {
  // PROTO, FRAME
  '\x80': (_, bytes) => checkProtocol(bytes),
  '\x95': (_, bytes) => void bytes.u64(),
  // NONE, NEWTRUE, NEWFALSE
  N: (machine) => machine.push(null),
  '\x88': (machine) => machine.push(true),
  '\x89': (machine) => machine.push(false),
  // BININT, BININT1, BININT2, LONG1, LONG4, BINFLOAT
  J: (machine, bytes) => machine.push(bytes.i32()),
  K: (machine, bytes) => machine.push(bytes.u8()),
  M: (machine, bytes) => machine.push(bytes.u16()),
  '\x8a': (machine, bytes) => machine.push(bytes.long(bytes.u8())),
  '\x8b': (machine, bytes) => machine.push(bytes.long(bytes.i32())),
  G: (machine, bytes) => machine.push(bytes.f64BigEndian()),
  // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8, SHORT_BINSTRING, BINSTRING
  '\x8c': (machine, bytes) => machine.push(bytes.text(bytes.u8())),
  X: (machine, bytes) => machine.push(bytes.text(bytes.u32())),
  '\x8d': (machine, bytes) => machine.push(bytes.text(bytes.u64())),
  U: (machine, bytes) => machine.push(bytes.latin1(bytes.u8())),
  T: (machine, bytes) => machine.push(bytes.latin1(bytes.i32())),
  // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
  C: (machine, bytes) => machine.push(bytes.take(bytes.u8())),
  B: (machine, bytes) => machine.push(bytes.take(bytes.u32())),
  '\x8e': (machine, bytes) => machine.push(bytes.take(bytes.u64())),
  '\x96': (machine, bytes) => machine.push(bytes.take(bytes.u64())),
  // MARK, POP, POP_MARK, DUP
  '(': (machine) => machine.mark(),
  '0': (machine) => void machine.pop(),
  '1': (machine) => void machine.popToMark(),
  '2': (machine) => machine.push(machine.top()),
  // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
  q: (machine, bytes) => machine.memoise(bytes.u8()),
  r: (machine, bytes) => machine.memoise(bytes.u32()),
  '\x94': (machine) => machine.memoise(),
  h: (machine, bytes) => machine.recall(bytes.u8()),
  j: (machine, bytes) => machine.recall(bytes.u32()),
  // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
  ')': (machine) => machine.push([]),
  '\x85': (machine) => machine.push(machine.popMany(1)),
  '\x86': (machine) => machine.push(machine.popMany(2)),
  '\x87': (machine) => machine.push(machine.popMany(3)),
  t: (machine) => machine.push(machine.popToMark()),
  // EMPTY_LIST, LIST, APPEND, APPENDS
  ']': (machine) => machine.push([]),
  l: (machine) => machine.push(machine.popToMark()),
  a: (machine) => machine.addItems([machine.pop()]),
  e: (machine) => machine.addItems(machine.popToMark()),
  // EMPTY_DICT, SETITEM, SETITEMS
  '}': (machine) => machine.push(new Map()),
  s: (machine) => machine.setItems(machine.popMany(2)),
  u: (machine) => machine.setItems(machine.popToMark()),
  // EMPTY_SET, ADDITEMS, FROZENSET
  '\x8f': (machine) => machine.push(new Set()),
  '\x90': (machine) => machine.addItems(machine.popToMark()),
  '\x91': (machine) => machine.push(new Set(machine.popToMark())),
  // GLOBAL, STACK_GLOBAL
  c: (machine, bytes) => machine.global(bytes.line(), bytes.line()),
  '\x93': (machine) => {
    const name = machine.pop();
    machine.global(machine.pop(), name);
  },
  // REDUCE, NEWOBJ, BUILD, BINPERSID
  R: callTop,
  '\x81': callTop,
  b: (machine) => machine.build(machine.pop()),
  Q: (machine) => machine.persistent(machine.pop()),
};

function callTop(machine: PickleMachine): void {
  const args = machine.pop();
  machine.call(machine.pop(), args);
}

function checkProtocol(bytes: PickleBytes): void {
  const version = bytes.u8();
  if (version < 2 || version > 5) throw bytes.fail(`has pickle protocol ${version}; known are 2 to 5`);
}
