/**
 * A seeded source of random numbers: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2021), its state hashed from a key. The same key gives the same numbers on every machine, and
 * keys such as (seed, epoch, index) give independent streams, so nothing needs to be saved to resume.
 */
export class Random {
  private readonly state = new Uint32Array(4);
  private spareNormal: number | null = null;

  /** @param key One or more whole numbers, |n| <= 2^53; (1) and (1, 0) are different keys. */
  constructor(...key: [number, ...number[]]) {
    let hash = mix(0x9e3779b9 ^ key.length);
    for (const part of key) {
      if (!Number.isSafeInteger(part)) throw new RangeError(`random key ${part} is no whole number`);
      hash = mix(hash ^ part);
      hash = mix(hash + Math.floor(part / 2 ** 32) + 0x85ebca6b);
    }
    for (let word = 0; word < 4; word++) {
      hash = mix(hash + 0x9e3779b9);
      this.state[word] = hash;
    }
    // The all-zero state is the one that xoshiro never leaves.
    this.state[0]! |= this.state.every((word) => word === 0) ? 1 : 0;
  }

  /** A whole number, uniform over 0 .. 2^32 - 1. */
  uint32(): number {
    const state = this.state;
    const second = state[1]!;
    const result = Math.imul(rotateLeft(Math.imul(second, 5), 7), 9) >>> 0;
    state[2]! ^= state[0]!;
    state[3]! ^= second;
    state[1]! ^= state[2]!;
    state[0]! ^= state[3]!;
    state[2]! ^= second << 9;
    state[3] = rotateLeft(state[3]!, 11);
    return result;
  }

  /** A number in [low, high), uniform with 53 random bits. */
  uniform(low = 0, high = 1): number {
    const upper = this.uint32() >>> 5;
    const lower = this.uint32() >>> 6;
    return low + (high - low) * ((upper * 2 ** 26 + lower) / 2 ** 53);
  }

  /** A whole number in low .. high - 1, every one equally likely; high - low <= 2^32. */
  integer(low: number, high: number): number {
    const span = high - low;
    if (!(span >= 1 && span <= 2 ** 32)) throw new RangeError(`no whole number in ${low} .. ${high - 1}`);
    // Draws above the largest multiple of span would favour the small values.
    const limit = 2 ** 32 - (2 ** 32 % span);
    let draw = this.uint32();
    while (draw >= limit) draw = this.uint32();
    return low + (draw % span);
  }

  /** True with the probability given. */
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** A number from the standard normal distribution (Box and Muller 1958). */
  normal(): number {
    if (this.spareNormal !== null) {
      const value = this.spareNormal;
      this.spareNormal = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Puts the elements into a random order, in place, every order equally likely (Fisher and Yates). */
  shuffle<Elements extends { length: number; [index: number]: unknown }>(elements: Elements): Elements {
    for (let last = elements.length - 1; last > 0; last--) {
      const other = this.integer(0, last + 1);
      const kept = elements[last];
      elements[last] = elements[other];
      elements[other] = kept;
    }
    return elements;
  }
}

/** A bijection of 32-bit words whose every output bit depends on every input bit (MurmurHash3's finaliser). */
function mix(word: number): number {
  let value = word >>> 0;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
