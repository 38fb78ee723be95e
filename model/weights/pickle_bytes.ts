import { DataError } from '../../engine/errors.ts';

/** Bytes of the longest integer taken; anything longer is damage and would cost quadratic time. */
const LONGEST_INTEGER = 1024;

/** Reads a pickle's operands, little-endian unless named otherwise, and never past its end. */
export class PickleBytes {
  readonly path: string;
  /** Place inside the file, for errors. */
  readonly place: string;
  readonly #view: DataView;
  #position = 0;

  constructor(path: string, place: string, bytes: Uint8Array) {
    this.path = path;
    this.place = place;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** An error that names file, place and byte. */
  fail(problem: string): DataError {
    return new DataError(
      this.path,
      `${this.place} ${problem} (at byte ${this.#position})`,
      'The file is damaged or is not a PyTorch state dict; save or download it again.',
    );
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  u64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  f64BigEndian(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** A two's complement integer of `length` bytes: a number where that is exact, else a bigint. */
  long(length: number): number | bigint {
    if (length > LONGEST_INTEGER) throw this.fail(`has an integer of ${length} bytes`);
    const bytes = this.take(length);
    let value = 0n;
    for (let index = bytes.length - 1; index >= 0; index--) value = value * 256n + BigInt(bytes[index]!);
    value = BigInt.asIntN(8 * bytes.length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  take(length: number): Uint8Array {
    const start = this.#advance(length);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + start, length);
  }

  /** UTF-8 text. */
  text(length: number): string {
    const bytes = this.take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.fail('has text that is not UTF-8');
    }
  }

  latin1(length: number): string {
    return Buffer.from(this.take(length)).toString('latin1');
  }

  /** Text up to the next line feed, which is passed over. */
  line(): string {
    let length = 0;
    while (this.#view.getUint8(this.#check(this.#position + length, 1)) !== 0x0a) length++;
    const line = this.text(length);
    this.#advance(1);
    return line;
  }

  #advance(length: number): number {
    const start = this.#check(this.#position, length);
    this.#position += length;
    return start;
  }

  #check(start: number, length: number): number {
    if (length >= 0 && start + length <= this.#view.byteLength) return start;
    throw this.fail(`ends too early: ${length} bytes wanted, ${this.#view.byteLength - start} left`);
  }
}
