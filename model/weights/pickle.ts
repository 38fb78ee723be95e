import { DataError } from '../../engine/errors.ts';
import { PickleBytes } from './pickle_bytes.ts';

/** What a pickle may hold here. Tuples and lists are arrays; dicts, plain or ordered, are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | PickleGlobal
  | PickleObject;

/** A class or function the pickle names. Only names the host allows come to be; nothing is ever run. */
export class PickleGlobal {
  /** Module and name joined by a dot, such as `torch._utils._rebuild_tensor_v2`. */
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** An instance of an allowed class: its attributes as plain data, without behaviour. */
export class PickleObject {
  readonly className: string;
  readonly attributes = new Map<PickleValue, PickleValue>();
  constructor(className: string) {
    this.className = className;
  }
}

/** What the reader of a kind of file allows and how it understands it. */
export interface PickleHost {
  /** Whether the pickle may name this class or function at all. */
  allows(name: string): boolean;
  /** The result of calling an allowed name. Throws for arguments that do not fit. */
  call(name: string, args: PickleValue[]): PickleValue;
  /** The object behind a persistent id. */
  persistent(id: PickleValue): PickleValue;
}

/** Deeper or longer pickles are no state dicts; the limit keeps damaged ones from growing without end. */
const MOST_STEPS = 50_000_000;

const MARK = Symbol('mark');
type Slot = PickleValue | typeof MARK;

/**
 * Reads a Python pickle of protocol 2 to 5 without running any of it: classes and functions come from the
 * host's allow-list, and a name outside it is refused.
 * Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 *
 * @param place Named in errors as the place inside the file, such as `archive/data.pkl`.
 * @throws {DataError} For a refused name, an opcode that is not supported, or a damaged pickle.
 */
export function readPickle(path: string, place: string, bytes: Uint8Array, host: PickleHost): PickleValue {
  const machine = new PickleMachine(new PickleBytes(path, place, bytes), host);
  return machine.run();
}

class PickleMachine {
  readonly #bytes: PickleBytes;
  readonly #host: PickleHost;
  readonly #stack: Slot[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: PickleBytes, host: PickleHost) {
    this.#bytes = bytes;
    this.#host = host;
  }

  run(): PickleValue {
    for (let step = 0; step < MOST_STEPS; step++) {
      const code = String.fromCharCode(this.#bytes.u8());
      if (code === '.') return this.#pop();
      const literal = this.#literal(code);
      if (literal !== undefined) this.#stack.push(literal);
      else this.#act(code);
    }
    throw this.#bytes.fail(`takes more than ${MOST_STEPS} steps`);
  }

  /** Opcodes that push a constant. */
  #literal(code: string): PickleValue | undefined {
    const bytes = this.#bytes;
    switch (code) {
      case 'N':
        return null;
      case '\x88':
        return true;
      case '\x89':
        return false;
      case 'J':
        return bytes.i32();
      case 'K':
        return bytes.u8();
      case 'M':
        return bytes.u16();
      case '\x8a':
        return bytes.long(bytes.u8());
      case '\x8b':
        return bytes.long(bytes.i32());
      case 'G':
        return bytes.f64BigEndian();
      case '\x8c':
        return bytes.text(bytes.u8());
      case 'X':
        return bytes.text(bytes.u32());
      case '\x8d':
        return bytes.text(bytes.u64());
      case 'U':
        return bytes.latin1(bytes.u8());
      case 'T':
        return bytes.latin1(bytes.i32());
      case 'C':
        return bytes.take(bytes.u8());
      case 'B':
        return bytes.take(bytes.u32());
      case '\x8e':
      case '\x96':
        return bytes.take(bytes.u64());
      case ')':
      case ']':
        return [];
      case '}':
        return new Map();
      case '\x8f':
        return new Set();
      case 'c':
        return this.#global(bytes.line(), bytes.line());
      case 'h':
        return this.#recall(bytes.u8());
      case 'j':
        return this.#recall(bytes.u32());
      default:
        return undefined;
    }
  }

  /** Opcodes that work on the stack. */
  #act(code: string): void {
    const bytes = this.#bytes;
    const stack = this.#stack;
    switch (code) {
      case '\x80':
        return this.#checkProtocol(bytes.u8());
      case '\x95':
        bytes.u64();
        return;
      case '(':
        stack.push(MARK);
        return;
      case '0':
        stack.pop();
        return;
      case '1':
        this.#popToMark();
        return;
      case '2':
        stack.push(this.#top());
        return;
      case 'q':
        this.#memo.set(bytes.u8(), this.#top());
        return;
      case 'r':
        this.#memo.set(bytes.u32(), this.#top());
        return;
      case '\x94':
        this.#memo.set(this.#memo.size, this.#top());
        return;
      case '\x85':
      case '\x86':
      case '\x87':
        stack.push(this.#popMany(code.charCodeAt(0) - 0x84));
        return;
      case 't':
      case 'l':
        stack.push(this.#popToMark());
        return;
      case '\x91':
        stack.push(new Set(this.#popToMark()));
        return;
      case 'd':
        return this.#pushWith(this.#popToMark(), new Map());
      case 'a':
        return this.#addItems(this.#popMany(1));
      case 'e':
      case '\x90':
        return this.#addItems(this.#popToMark());
      case 's':
        return this.#pushWith(this.#popMany(2), this.#pop());
      case 'u':
        return this.#pushWith(this.#popToMark(), this.#pop());
      case '\x93': {
        const [module, name] = this.#popMany(2);
        if (typeof module !== 'string' || typeof name !== 'string') throw bytes.fail('names no class');
        stack.push(this.#global(module, name));
        return;
      }
      case 'R':
      case '\x81': {
        const args = this.#pop();
        return this.#call(this.#pop(), args);
      }
      case '\x92': {
        const named = this.#pop();
        if (!(named instanceof Map && named.size === 0)) throw bytes.fail('calls a class with named arguments');
        const args = this.#pop();
        return this.#call(this.#pop(), args);
      }
      case 'b':
        return this.#build(this.#pop());
      case 'Q':
        stack.push(this.#guard(() => this.#host.persistent(this.#pop())));
        return;
      default:
        throw bytes.fail(`has the opcode 0x${code.charCodeAt(0).toString(16)}, which is not supported`);
    }
  }

  #checkProtocol(version: number): void {
    if (version < 2 || version > 5) throw this.#bytes.fail(`has pickle protocol ${version}; known are 2 to 5`);
  }

  #global(module: string, name: string): PickleGlobal {
    const full = `${module}.${name}`;
    if (!this.#host.allows(full)) {
      throw new DataError(
        this.#bytes.path,
        `${this.#bytes.place} refers to '${full}', which is not needed for weights and is refused`,
        'Save only the state dict: torch.save(model.state_dict(), path), or convert it to safetensors.',
      );
    }
    return new PickleGlobal(full);
  }

  #recall(index: number): PickleValue {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#bytes.fail(`recalls memo ${index}, which was never stored`);
    return value;
  }

  #call(callee: PickleValue, args: PickleValue): void {
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) {
      throw this.#bytes.fail('calls something that is not a class or function');
    }
    this.#stack.push(this.#guard(() => this.#host.call(callee.name, args)));
  }

  /** Sets an object's attributes. State given to anything else (an ordered dict's metadata) is dropped. */
  #build(state: PickleValue): void {
    const target = this.#top();
    if (target instanceof PickleObject) this.#fill(target.attributes, state);
    else if (!(target instanceof Map)) throw this.#bytes.fail('sets attributes of something that has none');
  }

  #fill(attributes: Map<PickleValue, PickleValue>, state: PickleValue): void {
    if (!(state instanceof Map)) throw this.#bytes.fail('has an object whose attributes are not a dict');
    for (const [key, value] of state) attributes.set(key, value);
  }

  #addItems(items: PickleValue[]): void {
    const target = this.#top();
    if (target instanceof Set) for (const item of items) target.add(item);
    else if (Array.isArray(target)) for (const item of items) target.push(item);
    else throw this.#bytes.fail('adds items to something that is not a list or set');
  }

  /** Puts alternating keys and values into a dict and leaves it on the stack. */
  #pushWith(items: PickleValue[], target: PickleValue): void {
    if (!(target instanceof Map) || items.length % 2 !== 0) throw this.#bytes.fail('sets items of no dict');
    for (let index = 0; index < items.length; index += 2) target.set(items[index]!, items[index + 1]!);
    this.#stack.push(target);
  }

  #top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw this.#bytes.fail('runs out of its stack');
    return value;
  }

  #pop(): PickleValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  #popToMark(): PickleValue[] {
    const items = this.#stack.splice(this.#stack.lastIndexOf(MARK) + 1) as PickleValue[];
    if (this.#stack.pop() !== MARK) throw this.#bytes.fail('closes a group that was never opened');
    return items;
  }

  /** Adds the place to what the host complains about. */
  #guard(action: () => PickleValue): PickleValue {
    try {
      return action();
    } catch (error) {
      if (error instanceof DataError) throw error;
      throw this.#bytes.fail(error instanceof Error ? error.message : String(error));
    }
  }
}
