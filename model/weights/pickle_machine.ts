import { DataError } from '../../engine/errors.ts';
import type { PickleBytes } from './pickle_bytes.ts';
import { PickleGlobal, type PickleHost, PickleObject, type PickleValue } from './pickle_values.ts';

const MARK = Symbol('mark');

/** The stack and memo that a pickle's opcodes work on. Every misuse is a {@link DataError} with the place. */
export class PickleMachine {
  readonly #bytes: PickleBytes;
  readonly #host: PickleHost;
  readonly #stack: (PickleValue | typeof MARK)[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: PickleBytes, host: PickleHost) {
    this.#bytes = bytes;
    this.#host = host;
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw this.#bytes.fail('runs out of its stack');
    return value;
  }

  pop(): PickleValue {
    const value = this.top();
    this.#stack.pop();
    return value;
  }

  /** The last `count` values, oldest first. */
  popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  mark(): void {
    this.#stack.push(MARK);
  }

  /** The values since the last mark, oldest first; the mark goes too. */
  popToMark(): PickleValue[] {
    const items = this.#stack.splice(this.#stack.lastIndexOf(MARK) + 1) as PickleValue[];
    if (this.#stack.pop() !== MARK) throw this.#bytes.fail('closes a group that was never opened');
    return items;
  }

  /** Remembers the top value, under the next free number by default. */
  memoise(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#bytes.fail(`recalls memo ${index}, which was never stored`);
    this.push(value);
  }

  global(module: PickleValue, name: PickleValue): void {
    if (typeof module !== 'string' || typeof name !== 'string') throw this.#bytes.fail('names no class');
    const full = `${module}.${name}`;
    if (!this.#host.allows(full)) {
      throw new DataError(
        this.#bytes.path,
        `${this.#bytes.place} refers to '${full}', which is not needed for weights and is refused`,
        'Save only the state dict: torch.save(model.state_dict(), path), or convert it to safetensors.',
      );
    }
    this.push(new PickleGlobal(full));
  }

  call(callee: PickleValue, args: PickleValue): void {
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) {
      throw this.#bytes.fail('calls something that is not a class or function');
    }
    this.#pushFromHost(() => this.#host.call(callee.name, args));
  }

  persistent(id: PickleValue): void {
    this.#pushFromHost(() => this.#host.persistent(id));
  }

  /** Sets attributes of the top object. What an ordered dict is given beside its items is dropped. */
  build(state: PickleValue): void {
    const target = this.top();
    if (target instanceof Map) return;
    if (!(target instanceof PickleObject && state instanceof Map)) {
      throw this.#bytes.fail('sets attributes of something that has none');
    }
    for (const [key, value] of state) target.attributes.set(key, value);
  }

  /** Adds items to the top list or set. */
  addItems(items: PickleValue[]): void {
    const target = this.top();
    if (target instanceof Set) for (const item of items) target.add(item);
    else if (Array.isArray(target)) for (const item of items) target.push(item);
    else throw this.#bytes.fail('adds items to something that is not a list or set');
  }

  /** Puts alternating keys and values into the top dict. */
  setItems(items: PickleValue[]): void {
    const target = this.top();
    if (!(target instanceof Map) || items.length % 2 !== 0) throw this.#bytes.fail('sets items of no dict');
    for (let index = 0; index < items.length; index += 2) target.set(items[index]!, items[index + 1]!);
  }

  /** Adds the place to what the host complains about. */
  #pushFromHost(make: () => PickleValue): void {
    try {
      this.push(make());
    } catch (error) {
      throw this.#bytes.fail(error instanceof Error ? error.message : String(error));
    }
  }
}
